"""Lesson 10, Your own network."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from nbviz import zoo
from nbviz.lessons.question import question

SHIRT = 6


@question(
    10,
    hints=(
        "Two conditions for each picture: `answers != labels`, and `sureness >= 0.9`.",
        "Join them with `&`, in brackets, and count with `.sum()`.",
    ),
    way="int(((answers != labels) & (sureness >= 0.9)).sum())",
    meaning="To be sure is not to be right, and nobody looks at these twice.",
    part=0,
)
def sure_and_wrong() -> object:
    """How many of the first 1,000 pictures does the network get wrong although it is at least 90 % sure?"""
    chances, labels = _answers()
    wrong = chances.argmax(1) != labels
    return int((wrong & (chances.amax(1) >= 0.9)).sum())


@question(
    10,
    hints=(
        "Take only the pictures of which it says shirt: `answers == 6`.",
        "Of these, the share whose label is 6: `(labels[answers == 6] == 6).float().mean()`.",
    ),
    way="(labels[answers == 6] == 6).float().mean().item()",
    meaning="Of those that it calls shirts. The recall above asks of those that are shirts.",
    absolute=0.006,
)
def precision_of_shirt() -> object:
    """When the network says shirt, how often is it right?"""
    chances, labels = _answers()
    right = (labels[chances.argmax(1) == SHIRT] == SHIRT).float().mean().item()
    return right


@cache
def _answers() -> tuple[Tensor, Tensor]:
    """Probabilities (1000, 10) and labels (1000,)."""
    model, fashion = zoo.load("fashion_cnn"), zoo.fashion()
    pictures = torch.stack([model.transform(fashion[index][0])[0] for index in range(1000)])
    with torch.no_grad():
        return model.net(pictures).softmax(1), torch.tensor(fashion.targets[:1000])
