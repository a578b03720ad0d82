"""Lesson 8, Fooling it, and what it really used."""

from __future__ import annotations

import torch
from torch.nn import functional

from nbviz import zoo
from nbviz.lessons.question import question

ESPRESSO = 967
LEVEL = 2 / 255
"""One grey level as the network takes it: its colours run from −1 to 1."""


@question(
    8,
    hints=(
        "A pixel of an ordinary picture file has 256 grey levels, from 0 to 255.",
        "One level is 1 / 255 of the range.",
    ),
    way="2 / 255",
    meaning="Less than one part in a hundred.",
)
def two_levels() -> object:
    """By what share of a pixel's range does a change of 2 grey levels move it?"""
    return 2 / 255


@question(
    8,
    hints=(
        "The attacked picture is `coffee + 2 * level * worse`.",
        "`model(x).softmax(1)[0]` has a probability for each class; *espresso* is number 967.",
    ),
    way="model(coffee + 2 * level * worse).softmax(1)[0, 967].item()",
    meaning="Of 0.95. A second level in the same straight step does little more than the first one did.",
    absolute=0.005,
)
def left_for_espresso() -> object:
    """Which probability is left for espresso after one step of 2 grey levels?"""
    model = zoo.load()
    coffee = model.transform(zoo.photographs()["coffee"]).requires_grad_()
    with torch.enable_grad():
        loss = functional.cross_entropy(model.net(coffee), torch.tensor([ESPRESSO]))
        worse = torch.autograd.grad(loss, coffee)[0].sign()
    with torch.no_grad():
        right = model.net(coffee + 2 * LEVEL * worse).softmax(1)[0, ESPRESSO].item()
    return right
