"""Edited models as subjects: each answer is that of a network edited by hand, about the edited input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.circuits import channel_effects, circuit, class_effects, class_need
from nbviz.edits import Attack, Channels, Edit, Paint, Transform
from nbviz.edits.map_attack import map_attack
from nbviz.errors import NbvizError
from nbviz.model.target import Target
from nbviz.pictures.load import as_picture
from nbviz.session.context import LiveContext
from nbviz.session.requests.base import ExplainRequest
from nbviz.session.requests.edits.attack import FindSmallest

SIZE = 20
STACKS: dict[str, tuple[Edit, ...]] = {
    "turned": (Transform("rotate", 33),),
    "scaled, then off": (Transform("scale", 1.6), Channels("1", off=[0])),
    "painted and turned": (Paint(np.tri(SIZE)), Transform("rotate", 33)),
    "attacked": (Attack("fgsm", 6.0),),
}


def network() -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 4),
    ).double().eval()  # fmt: skip


def image(seed: int) -> torch.Tensor:
    return torch.rand(3, SIZE, SIZE, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_hand(edits: tuple[Edit, ...]) -> nbviz.InstrumentedModel:
    """The network with hooks of one's own in place of the edits of layers, and no edit of the picture."""
    net, model = network(), nbviz.InstrumentedModel(network())
    for edit in edits:
        if isinstance(edit, Channels):
            layout = model.layer(edit.layer).layout
            net[int(edit.layer)].register_forward_hook(lambda _, __, out, e=edit, at=layout: e.of(out, at))
    return nbviz.InstrumentedModel(net)


def attacked(model: nbviz.InstrumentedModel, x: torch.Tensor) -> list[Any]:
    made = nbviz.attack(model, x, "pgd", 9.0, steps=3)
    return [made.before, made.after, made.unrounded, made.noise]


def led(model: nbviz.InstrumentedModel, x: torch.Tensor) -> list[Any]:
    # a map, not a picture: another picture would be edited as well
    made = map_attack(model, x, image(2).sum(0), size=8.0, steps=2)
    return [made.before, made.after, *(made.maps[name].values.tolist() for name in ("before", "after", "noisy"))]


def smallest(model: nbviz.InstrumentedModel, x: torch.Tensor) -> list[Any]:
    asked = ExplainRequest(as_picture(x), Target(), "saliency", None)
    *_, found = FindSmallest((), Attack("pgd", 1.0, steps=2), asked)(LiveContext(model))
    return [found.size, found.exact, found.tried]


def needed(model: nbviz.InstrumentedModel, x: torch.Tensor) -> list[Any]:
    need = class_need(model, x, "3", orders=1)
    return [need.index, need.order.tolist(), need.without.tolist(), need.alone.tolist()]


def walked(model: nbviz.InstrumentedModel, x: torch.Tensor) -> list[Any]:
    made = circuit(model, x, layers=["3", "0"], top=2)
    return [made.nodes["node"].tolist(), made.nodes["value"].dropna().tolist(), made.edges["effect"].tolist()]


def measured(model: nbviz.InstrumentedModel, x: torch.Tensor) -> list[Any]:
    table = channel_effects(model, x, "1", "predicted")
    return [table["class"].tolist(), table["channel"].tolist(), table["measured"].tolist()]


@pytest.mark.parametrize("asked", [attacked, led, smallest, needed, walked, measured])
@pytest.mark.parametrize("name", STACKS)
def test_an_edited_model_answers_as_the_edited_network_about_the_edited_input(
    name: str, asked: Callable[[nbviz.InstrumentedModel, torch.Tensor], list[Any]]
) -> None:
    edits, x = STACKS[name], image(1)
    edited = nbviz.InstrumentedModel(network()).edited(*edits)
    mine, theirs = asked(edited, x), asked(by_hand(edits), edited.input(x))
    for one, other in zip(_flat(mine), _flat(theirs), strict=True):
        assert one == (pytest.approx(other, abs=1e-7, nan_ok=True) if isinstance(other, float) else other)


def _flat(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _flat(item)] if isinstance(value, (list, tuple)) else [value]


@pytest.mark.parametrize("method", ["fgsm", "pgd", "noise"])
def test_an_attack_of_size_0_is_the_picture_to_the_bit(method: str) -> None:
    made = nbviz.attack(network(), image(1), method, 0.0)  # type: ignore[arg-type]
    assert made.before == made.after == made.unrounded == made.noise and made.largest == 0
    assert all(torch.equal(x, made.inputs["original"]) for x in made.inputs.values())


def indexed(model: nbviz.InstrumentedModel, data: list[torch.Tensor]) -> list[Any]:
    index = nbviz.Index.build(model, data, layers=["3"], k=3, progress=False)
    return [[(one.item, one.activation) for one in index.top("3", channel)] for channel in range(4)] + [
        index.means("3")
    ]


def reviewed(model: nbviz.InstrumentedModel, data: list[torch.Tensor]) -> list[Any]:
    pictures = nbviz.review(model, data, labels=[0, 1, 2, 3] * 2, progress=False).pictures
    return [pictures["loss"].tolist(), pictures["prediction"].tolist()]


def healthy(model: nbviz.InstrumentedModel, data: list[torch.Tensor]) -> list[Any]:
    return nbviz.health(model, data).round(6).astype(str).values.tolist()


def classwise(model: nbviz.InstrumentedModel, data: list[torch.Tensor]) -> list[Any]:
    table = class_effects(model, data, "3", [1], labels=[0, 1, 2, 3] * 2).sort_values("index")
    return [table["effect"].tolist(), table["control"].tolist(), table["right"].tolist()]


def compared(model: nbviz.InstrumentedModel, data: list[torch.Tensor]) -> list[Any]:
    table = nbviz.compare(model, {"one": data[0]}, ["saliency"])
    return table[table["measure"] != "seconds"]["value"].astype(float).tolist()


@pytest.mark.parametrize("asked", [indexed, reviewed, healthy, classwise, compared])
def test_a_data_set_is_passed_as_the_edits_leave_it(
    asked: Callable[[nbviz.InstrumentedModel, list[torch.Tensor]], list[Any]],
) -> None:
    edits, data = STACKS["scaled, then off"], [image(seed) for seed in range(8)]
    edited = nbviz.InstrumentedModel(network()).edited(*edits)
    mine, theirs = asked(edited, data), asked(by_hand(edits), [edited.input(x)[0] for x in data])
    for one, other in zip(_flat(mine), _flat(theirs), strict=True):
        assert one == (pytest.approx(other, abs=1e-5, nan_ok=True) if isinstance(other, float) else other)


def test_a_data_set_is_not_attacked_while_it_is_passed() -> None:
    edited, data = nbviz.InstrumentedModel(network()).edited(Attack("fgsm", 4.0)), [image(seed) for seed in range(4)]
    for act in (nbviz.Index.build, nbviz.review, nbviz.health):
        with pytest.raises(NbvizError, match="one picture at a time"):
            act(edited, data)
