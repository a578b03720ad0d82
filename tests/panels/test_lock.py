"""What a person does and what a worker paints take turns: neither sees half of the other."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nbviz.explorer import Explorer
from nbviz.panels.base.close_tree import reach
from nbviz.panels.base.front import Front
from nbviz.panels.base.panel import LOCK
from nbviz.session.selection import Selection
from tests.panels.test_events import explorer as explorer


@pytest.mark.parametrize("slot", ["atlas", "parts", "attention", "canvas", "channels", "pictures", "classes"])
def test_what_a_person_does_waits_for_what_is_being_painted(explorer: Explorer, slot: str) -> None:
    """A worker paints in one thread while the page's message arrives in another."""
    order: list[str] = []
    fronts = [widget for widget in reach(explorer.panels[slot].view) if isinstance(widget, Front)]
    events: dict[str, list[dict[str, Any]]] = {
        "atlas": [{"event": "look", "look": "made"}],
        "parts": [{"event": "count", "count": 3}],
        "attention": [{"event": "query", "name": "mean"}],
        "canvas": [{"event": "method", "name": "occlusion"}],
        "channels": [{"event": "choose", "channel": 3}],
        "pictures": [{"event": "choose", "name": "two"}],
        "classes": [{"event": "choose", "chosen": 0, "against": -1}],
    }

    def act() -> None:
        for event in events[slot]:
            for front in fronts:
                front._handle_custom_msg(event, [])
        order.append("acted")

    with LOCK:
        before = state_of(explorer, slot)
        person = threading.Thread(target=act)
        person.start()
        person.join(0.3)
        assert before == state_of(explorer, slot)
        order.append("painted")
    person.join()
    assert order == ["painted", "acted"]
    assert before != state_of(explorer, slot)


@pytest.mark.parametrize("trait", ["box", "clear"])
def test_what_a_page_writes_draws_the_answer_that_was_painted_meanwhile(explorer: Explorer, trait: str) -> None:
    canvas: Any = explorer.panels["canvas"]
    answer = canvas.answer
    evidence = answer.attribution.evidence.flip(0, 1)
    later = replace(answer, attribution=replace(answer.attribution, evidence=evidence))
    with LOCK:
        page = threading.Thread(target=lambda: canvas.foot.set_state({trait: True}))
        page.start()
        page.join(0.3)
        canvas.show(later)
    page.join()
    assert getattr(canvas.foot, trait) and np.array_equal(canvas.scene.values, evidence.numpy())
    drawn = canvas.pointer.outlines, canvas.pointer.caption
    canvas.show(later)
    assert (canvas.pointer.outlines, canvas.pointer.caption) == drawn and bool(drawn[0]) == (trait == "box")


def state_of(explorer: Explorer, slot: str) -> tuple[dict[str, str], dict[str, str]]:
    chosen = {name: repr(getattr(explorer.selection, name)) for name in Selection.class_trait_names()}
    return chosen, {name: repr(value) for name, value in vars(explorer.panels[slot]).items()}


def test_no_widget_is_heard_but_through_listen(explorer: Explorer) -> None:
    """Else its handler would run without the lock, and what it raises would be seen by nobody."""
    heard = 0
    for panel in explorer.panels.values():
        for widget in reach(panel.view):
            if isinstance(widget, Front):
                calls = [call.__qualname__ for call in widget._msg_callbacks.callbacks]
                assert set(calls) <= {"Panel.listen.<locals>.heard"}, (panel.slot, type(widget).__name__, calls)
                heard += len(calls)
    assert heard > 12
