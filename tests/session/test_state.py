"""A selection as plain data: what is written down opens again exactly, and what can't be is refused in a sentence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

import nbviz
from nbviz import edits
from nbviz.errors import NbvizError
from nbviz.model.boxes import Box
from nbviz.model.target import Target
from nbviz.session.inline import InlineRunner
from nbviz.session.pins.pin import Pin
from nbviz.session.selection import Selection
from nbviz.session.state import PASSING, target_data, target_of
from tests.panels.rig import NASTY, rig
from tests.task_networks import Detects, Segments

MASK = np.eye(32, 40) > 0
EDITS = (edits.Paint(MASK, "mean"), edits.Channels("1", off=[2], scale={3: 0.5}), edits.Transform("rotate", 5))
PINS = Pin("coffee", Target(2), "smoothgrad", None, (("samples", 3),)), Pin("cat", Target(0), "", "1", (), 4)
RAMP = torch.linspace(0, 1, 3 * 32 * 40).view(1, 3, 32, 40)
CASES: dict[str, dict[str, Any]] = {
    "class": {"target": 1},
    "contrast": {"target": (1, 4)},
    "channel": {"target": Target.channel("3", 5, (2, 7))},
    "options": {"method": "smoothgrad", "options": {"samples": 7, "squared": True}},
    "tensor": {"method": "integrated_gradients", "options": {"baseline": RAMP}},
    "place": {"pinned_place": (0.25, 0.75), "layer": "3", "channel": 6, "canvas": "channel"},
    "edits": {"edits": EDITS},
    "pins": {"pins": PINS},
}  # fmt: skip


def equal(one: Any, other: Any) -> bool:
    """Compare values of traits; tensors by their bits."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    return bool(one == other)


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_down_opens_again_exactly(name: str) -> None:
    one, other = rig(**CASES[name]), rig(layer="3")
    text = json.dumps(one.selection.state(), allow_nan=False)
    other.selection.restore(text)
    for trait in set(one.selection.trait_names()) - PASSING:
        if trait == "target":
            made = [Target.ensure(each.selection.target, each.model) for each in (one, other)]
            assert made[0] == made[1]
        else:
            assert equal(getattr(one.selection, trait), getattr(other.selection, trait)), trait
    assert json.dumps(other.selection.state()) == text


@pytest.mark.parametrize(
    ("net", "target"),
    [
        (Segments, Target.region(1, box=(1, 2, 9, 8.5))),
        (Segments, Target.region("predicted", mask=MASK)),
        (Detects, Target(number=0, index=1, found=Box(1, 2, 3, 4))),
        (Detects, Target.box(0)),
    ],
)
def test_places_of_a_target_are_kept_exactly(net: Any, target: Target) -> None:
    model = nbviz.InstrumentedModel(net())
    assert target_of(json.loads(json.dumps(target_data(target, model))), model) == target


def test_classes_stand_by_name_and_two_of_one_name_by_number() -> None:
    assert rig(target=1).selection.state()["target"] == "tiger cat"
    assert rig(target=(1, 0)).selection.state()["target"] == ["tiger cat", "tabby"]
    assert rig(target=1, names=None).selection.state()["target"] == 1
    twice = rig(["crane", "crane", "predicted", "a", "b", "c", "d"], target=1)
    assert twice.selection.state()["target"] == 1 and "target=1" in repr(twice.selection)
    twice.selection.target = 2
    assert twice.selection.state()["target"] == 2
    assert "target='tiger cat'" in repr(rig(target=1).selection)


def mine(scores: torch.Tensor) -> torch.Tensor:
    return scores[:, 0]


def test_a_function_of_ones_own_is_refused_and_still_has_a_name() -> None:
    chosen = rig(target=mine).selection
    with pytest.raises(NbvizError, match="'mine', a function of your own"):
        chosen.state()
    assert "target='mine'" in repr(chosen)


@pytest.mark.parametrize(
    "state",
    [
        *({"layer": "nope"}, {"layr": "1"}, {"image": "dog"}, {"image": None}, {"stage": 3}, "no json", 3, None),
        *({"target": "tabi"}, {"target": {"x": 1}}, {"target": None}, {"target": {"channel": ["1", 77, "mean"]}}),
        *({"options": {"samples": {"tensor": 3}}}, {"method": "saliency", "options": {"x": 1}}, {"place": [0.1, 0.1]}),
        *({"edits": [{"edit": "Glue"}]}, {"pins": [{"picture": "cat"}]}, {"channel": 99, "layer": "3"}),
        *(
            {"edits": [{"mask": [1]}]},
            {"pins": [{"picture": "cat", "target": 1, "method": "saliency", "options": [1]}]},
        ),
    ],
)
def test_a_state_that_can_not_be_changes_nothing(state: Any) -> None:
    chosen = rig(target=1, layer="3", channel=2).selection
    before = chosen.state()
    with pytest.raises(NbvizError):
        chosen.restore(state)
    assert chosen.state() == before and not chosen.can_back


def test_back_and_forward_bring_back_whole_acts() -> None:
    chosen = rig().selection
    assert not chosen.can_back
    chosen.change(layer="3", channel=4)
    chosen.target = 2
    chosen.image = "coffee"
    chosen.place = (0.1, 0.1)  # pointing is no step
    seen = [chosen.state()]
    for _ in range(3):
        chosen.back()
        seen.append(chosen.state())
    assert [(s["image"], s["target"], s["layer"], s["channel"]) for s in seen] == [
        ("coffee", NASTY, "3", 4), ("cat", NASTY, "3", 4), ("cat", "tabby", "3", 4), ("cat", "tabby", "1", None),
    ]  # fmt: skip
    assert chosen.can_forward and not chosen.can_back
    chosen.forward()
    assert (chosen.layer, chosen.channel) == ("3", 4)
    chosen.method = "smoothgrad"
    assert not chosen.can_forward
    chosen.back()
    assert chosen.method == "saliency"


def test_an_explorer_opens_on_a_state_and_keywords_count_more() -> None:
    one = rig()
    with nbviz.Explorer(one.model, one.pictures, layer="3", channel=5, target=1, runner=InlineRunner) as explorer:
        assert isinstance(explorer.selection, Selection) and not explorer.selection.can_back
        explorer.selection.change(image="coffee", method="smoothgrad", options={"samples": 3})
        state = explorer.selection.state()
    with nbviz.Explorer(one.model, one.pictures, state=state, runner=InlineRunner) as explorer:
        assert explorer.selection.state() == state and not explorer.selection.can_back
    with nbviz.Explorer(
        one.model, one.pictures, state=json.dumps(state), method="saliency", runner=InlineRunner
    ) as explorer:
        assert explorer.selection.state() == {**state, "method": "saliency", "options": {}}
    with pytest.raises(NbvizError, match="Layer 'x'"):
        nbviz.Explorer(one.model, one.pictures, state={"layer": "x"}, runner=InlineRunner)
