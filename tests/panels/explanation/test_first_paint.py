"""The photograph first, then scores, map, miniatures and grid, and trust last; no old map beside new scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nbviz.drawing.overlay import gray
from nbviz.explorer import Explorer
from nbviz.panels.explanation.saliency_canvas import SaliencyCanvas
from nbviz.session.scheduler import Scheduler
from nbviz.session.selection import LOCK
from tests.panels.rig import Rig, rig, say
from tests.test_explorer import network, pictures


@pytest.fixture()
def shown() -> tuple[Rig, SaliencyCanvas]:
    small = rig()
    panel = SaliencyCanvas(small.links, lambda place: [])
    small.show(panel)
    return small, panel


@pytest.mark.parametrize("change", [{"image": "coffee"}, {"target": 2}, {"canvas": "channel"}])
def test_another_question_has_the_photograph_at_once(shown: tuple[Rig, SaliencyCanvas], change: dict[str, Any]) -> None:
    small, panel = shown
    small.selection.change(**change)
    panel.wait()
    photograph = gray(small.model.seen(small.pictures[small.selection.image]))
    assert np.array_equal(panel.canvas.picture, photograph) and panel.canvas.heat is None
    assert "nbviz-dimmed" not in panel.canvas.view._dom_classes and panel.scene is None
    say(panel.foot, event="cancel")
    assert panel.foot.message == "Cancelled before there was a map."


@pytest.mark.parametrize("change", [{"method": "input_x_gradient"}, {"channel": 3}])
def test_another_map_of_the_same_question_dims_the_one_there(
    shown: tuple[Rig, SaliencyCanvas], change: dict[str, Any]
) -> None:
    small, panel = shown
    heat = panel.canvas.heat
    small.selection.change(**change)
    panel.wait()
    assert heat is not None and np.array_equal(panel.canvas.heat, heat)
    assert "nbviz-dimmed" in panel.canvas.view._dom_classes


def test_slots_are_painted_in_the_order_in_which_a_person_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[str] = []
    show = Scheduler._show

    def noted(scheduler: Scheduler, slot: str, *rest: Any) -> None:
        painted.append(slot)
        show(scheduler, slot, *rest)

    monkeypatch.setattr(Scheduler, "_show", noted)
    with Explorer(network(), pictures(), method="grad_cam", layer="3") as explorer:
        assert explorer.wait(60)
        for change in ({"image": "two"}, {"target": 1}):
            with LOCK:  # trust in the map before is still being judged
                painted.clear()
                explorer.selection.change(**change)
            assert explorer.wait(60)
            first = list(dict.fromkeys(painted))
            asked = (
                ["scores", "canvas", "layers", "channels"] if "image" in change else ["canvas", "layers", "channels"]
            )
            assert [slot for slot in first if slot in asked] == asked
            assert "trust" not in first[: first.index("channels")]
