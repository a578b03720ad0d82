"""Lesson 3, Why this class?."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nbviz import zoo
from nbviz.lessons.question import question

ESPRESSO, CUP = 967, 968


@question(
    3,
    hints=(
        "To first order a change adds up: each value's own change, times the gradient at that value.",
        "All changes are 0.01, so take it out of the sum: 0.01 times the sum of the whole gradient.",
    ),
    way="""
0.01 * float(gradient(coffee, 967).sum())
""",
    meaning="Brighter everywhere is less espresso. What really happens? `model.net(coffee + 0.01)` tells.",
)
def all_brighter() -> object:
    """By how much does the score of espresso rise, to first order, if every value of the input rises by 0.01?"""
    return 0.01 * float(_gradient(ESPRESSO).sum())


@question(
    3,
    hints=(
        "Do with *espresso* and *cup*, for `coffee`, what was done with the two cats.",
        "`correlation(one, other)` takes two gradients, and `gradient(coffee, 968)` is that of the score of *cup*.",
    ),
    way="""
correlation(gradient(coffee, 967), gradient(coffee, 968))
""",
    meaning="More alike than those of the two cats: much of what speaks for one speaks for the other.",
    absolute=0.03,
)
def espresso_and_cup() -> object:
    """How large is the correlation between the gradients of the scores of espresso and cup, for the coffee?"""
    one, other = (_gradient(index).flatten().numpy() for index in (ESPRESSO, CUP))
    right = float(np.corrcoef(one, other)[0, 1])
    return right


def _gradient(index: int) -> Tensor:
    model = zoo.load()
    coffee = model.transform(zoo.photographs()["coffee"]).requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(model.net(coffee)[0, index], coffee)[0].cpu()
