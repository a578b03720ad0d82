"""What is cancelled stays so, with all that needs it, and says how to go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nbviz.attribution import METHODS, Attribution, base
from nbviz.attribution.base import result
from nbviz.explorer import Explorer
from nbviz.panels.snapshot import compose
from nbviz.panels.still import still_parts
from nbviz.passes.subject import Subject
from tests.panels.rig import say
from tests.test_explorer import network, pictures


@pytest.fixture()
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, list[int]]]:
    """A method that goes on yielding partials until the gate is opened; counts how often it is begun."""
    opened, begun = threading.Event(), list[int]()

    def endless(subject: Subject) -> Iterator[Attribution]:
        """Values of the picture, never finished until somebody lets it."""
        begun.append(1)
        subject.resolve()
        while not opened.is_set():
            yield result(subject, subject.x[0], subject.x[0, 0], done=0.1, progress="still at it")
        yield result(subject, subject.x[0], subject.x[0, 0])

    base.register("Endless", "nobody 2024")(endless)
    yield opened, begun
    opened.set()
    base._methods.pop("endless")


def test_a_cancelled_map_is_neither_waited_for_nor_begun_again_by_others(
    gate: tuple[threading.Event, list[int]],
) -> None:
    opened, begun = gate
    with Explorer(network(), pictures(), method="saliency", target=1, layer="1") as explorer:
        assert explorer.wait(60)
        canvas: Any = explorer.panels["canvas"]
        trust: Any = explorer.panels["trust"].view
        say(trust, event="open", opened=True)
        explorer.selection.method = "endless"
        while not begun or canvas.foot.state != "partial":
            threading.Event().wait(0.01)
        say(canvas.foot, event="cancel")
        assert explorer.wait(60) and explorer.panels["title"].view.word == "ready"
        assert canvas.foot.state == "failed" and "unfinished" in canvas.foot.message
        assert trust.dots == [] and "cancelled" in trust.sentences[0] and "Retry" in trust.sentences[0]
        assert trust.reading == trust.sentences[0]
        scheduler: Any = explorer._events.scheduler
        assert set(scheduler._jobs) <= {"methods"}  # which methods this network can't have: of no picture's map
        assert scheduler.wait(60, background=True) and not scheduler._jobs
        assert trust.dots == [] and canvas.foot.state == "failed"
        explorer._events.ask_all()  # as when a page of the grid is turned
        explorer.selection.layer = "3"
        count = len(begun)
        assert explorer.wait(60) and "cancelled" in trust.sentences[0] and len(begun) == count
        opened.set()
        say(canvas.foot, event="retry")
        assert explorer.wait(60) and canvas.foot.state in ("ready", "nothing") and len(begun) > count
        while trust.progress or any(state == "judging" for _, state, _ in trust.dots) or not trust.dots:
            threading.Event().wait(0.01)
        assert not any("cancelled" in sentence for sentence in trust.sentences)


def test_another_wish_goes_on_after_a_cancel(gate: tuple[threading.Event, list[int]]) -> None:
    _, begun = gate
    with Explorer(network(), pictures(), method="endless", target=1, layer="1") as explorer:
        canvas: Any = explorer.panels["canvas"]
        while not begun or canvas.foot.state != "partial":
            threading.Event().wait(0.01)
        say(canvas.foot, event="cancel")
        explorer.selection.method = "saliency"
        assert explorer.wait(60) and canvas.foot.state == "ready"
        count = len(begun)
        explorer.selection.method = "endless"
        while len(begun) == count:
            threading.Event().wait(0.01)


def test_a_still_picture_has_the_trust_line() -> None:
    with Explorer(network(), pictures(), method="saliency", target=1, layer="1") as explorer:
        trust: Any = explorer.panels["trust"].view
        while not trust.dots or any(state == "judging" for _, state, _ in trust.dots):
            threading.Event().wait(0.01)
        parts = still_parts(explorer.panels.values(), explorer.selection)
        assert parts.trust is not None
        assert list(parts.trust.verdicts) == [(name, state) for name, state, _ in trust.dots]
        assert list(parts.trust.sentences) == trust.sentences
        told, bare = (np.asarray(compose(replace(parts, trust=part))) for part in (parts.trust, None))
        assert told.shape != bare.shape or not np.array_equal(told, bare)
        assert np.array_equal(np.asarray(explorer.snapshot()), told)


class Detached(torch.nn.Sequential):
    """A network that no gradient leads through."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.detach()).detach()


def test_what_works_instead_is_a_click_away() -> None:
    with Explorer(Detached(*network()), pictures(), method="saliency", target=1, layer="1") as explorer:
        assert explorer.wait(60)
        foot: Any = explorer.panels["canvas"].foot
        assert foot.state == "refused" and foot.instead
        assert [title for _, title in foot.instead] == [METHODS[name].title for name, _ in foot.instead]
        wish = foot.instead[0][0]
        say(foot, event="method", name=wish)
        assert explorer.wait(60) and explorer.selection.method == wish and foot.instead == []
        assert foot.state == "ready" and explorer.attribution is not None
