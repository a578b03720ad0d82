"""Heads of networks that put out one map per class: the step before, and when a map could be a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from tests.model.test_heads import gradient, picture

MAPS = {
    "softmax": lambda y: y.softmax(1), "log-softmax": lambda y: y.log_softmax(1), "sigmoid": torch.sigmoid,
    "per cent": lambda y: 100 * y.softmax(1),
}  # fmt: skip


@pytest.mark.parametrize("name", MAPS)
def test_maps_are_explained_before_their_last_step(name: str) -> None:
    torch.manual_seed(0)
    body, step, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 1)).double(), MAPS[name], picture()
    made = nn.Sequential(body, Ending(step)).eval()
    whole = nbviz.attribute(made, x, 2, "saliency")
    x.requires_grad_()
    maps = body(x)
    said = maps.argmax(1) == 2
    assert bool(said.any())
    assert torch.allclose(whole.values, gradient(maps[:, 2][said].mean(), x), rtol=1e-9, atol=1e-12)
    assert "logits of layer" in whole.facts["output"]


class Ending(nn.Module):
    """A function as the last step."""

    def __init__(self, step: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.step(x)


@pytest.mark.parametrize(("step", "recipe"), [(torch.sigmoid, "1 - y"), (lambda y: 30 * y, "0 * y")])
def test_one_map_of_two_classes_has_a_recipe_that_cuts_where_the_network_does(
    step: Callable[[torch.Tensor], torch.Tensor], recipe: str
) -> None:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 1, 3), Ending(step)).double().eval()
    with pytest.raises(NbvizError) as refused:
        InstrumentedModel(made).predict(picture())
    assert f"output=lambda y: torch.cat([{recipe}, y], 1)" in str(refused.value)


@pytest.mark.parametrize(
    ("planes", "given", "doubt"), [(3, {}, True), (3, {"classes": ["a", "b", "c"]}, False), (4, {}, False)]
)
def test_maps_that_could_be_a_picture_are_said_to_be_a_guess(planes: int, given: Any, doubt: bool) -> None:
    torch.manual_seed(0)
    made = nn.Conv2d(3, planes, 3, padding=1).double().eval()
    facts = nbviz.attribute(InstrumentedModel(made, **given), picture(), 1, "saliency").facts
    assert ("pass a callable as target" in facts.get("output", "")) == doubt
