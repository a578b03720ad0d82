"""Lesson 7, Maps that lie."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nbviz import zoo
from nbviz.attribution import attribute
from nbviz.lessons.question import question

ESPRESSO, CUP = 967, 968


@question(
    7,
    hints=(
        "`np.corrcoef(one, other)[0, 1]` takes two rows of numbers; `.flatten()` makes a row of a map.",
        "The map is `espresso['guided_backprop'].heat().abs()`.",
    ),
    way="""
drawn = espresso["guided_backprop"].heat().abs().flatten()
float(np.corrcoef(drawn, edges.flatten())[0, 1])
""",
    meaning="Not the differences of neighbouring pixels, then: its lines are those that the filters answer to.",
    absolute=0.02,
)
def guided_backprop_and_edges() -> object:
    """How large is the correlation between the picture's edges and the map of guided backprop for espresso?"""
    seen = torch.as_tensor(np.asarray(zoo.load().seen(zoo.photographs()["coffee"]), dtype=np.float32).mean(2))
    across = functional.pad((seen[:, 1:] - seen[:, :-1]).abs(), (0, 1))
    edges = across + functional.pad((seen[1:] - seen[:-1]).abs(), (0, 0, 0, 1))
    right = _correlation(_map("guided_backprop", ESPRESSO), edges)
    return right


@question(
    7,
    hints=(
        "Make the maps of class 968 as those of the goldfish were made.",
        "`alike(espresso, maps_of(model, 968))` has the correlation of each method; take saliency's.",
    ),
    way="""
alike(espresso, maps_of(model, 968))["saliency"]
""",
    meaning="Cup and espresso stand in the same pictures, so this likeness is no fault. Hence the goldfish.",
    absolute=0.02,
)
def saliency_of_a_cup() -> object:
    """How large is the correlation between the saliency maps of espresso and cup?"""
    right = _correlation(_map("saliency", ESPRESSO), _map("saliency", CUP))
    return right


def _map(method: str, index: int) -> Tensor:
    return attribute(zoo.load(), zoo.photographs()["coffee"], target=index, method=method).heat().abs()


def _correlation(one: Tensor, other: Tensor) -> float:
    return float(np.corrcoef(one.flatten().numpy(), other.flatten().numpy())[0, 1])
