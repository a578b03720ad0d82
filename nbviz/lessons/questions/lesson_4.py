"""Lesson 4, Noise, smoothing, the way from black."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from nbviz import zoo
from nbviz.lessons.question import question
from nbviz.model.instrumented import InstrumentedModel

PULLOVER = 2


@question(
    4,
    hints=(
        "Two calls: `integrated(…)` makes the map, `missing(…)` compares its sum with what it should be.",
        "The picture is `small.transform(fashion[1][0])`, the class 2, the start `black`, the steps 4.",
    ),
    way="""
pullover = small.transform(fashion[1][0])
missing(integrated(pullover, black, 2, 4), pullover, black, 2)
""",
    meaning="More than half of what the sum should be: four steps are far too few.",
    absolute=0.02,
)
def four_steps() -> object:
    """How large is the residual of integrated gradients with 4 steps from black, for Fashion picture 1?"""
    model, pullover, black = _pictures()
    # in the middle of each step, as the lesson's integrated
    part = (torch.arange(4) + 0.5).view(-1, 1, 1, 1) / 4
    with torch.enable_grad():
        points = (black + part * (pullover - black)).requires_grad_()
        slopes = torch.autograd.grad(model.net(points)[:, PULLOVER].sum(), points)[0].mean(0)
    right = abs(float((slopes * (pullover - black)).sum()) / _rise() - 1)
    return right


@question(
    4,
    hints=(
        "Completeness: the sum is a difference of two scores.",
        "The score of class 2 for the pullover, minus the score of class 2 for the black picture.",
    ),
    way="""
pullover = small.transform(fashion[1][0])
(small.net(pullover) - small.net(black))[0, 2].item()
""",
    meaning="You needed no map for it: the sum is known beforehand, and so it can be checked.",
)
def complete_sum() -> object:
    """To what do exact integrated gradients from black sum, for Fashion picture 1 and class 2?"""
    return _rise()


def _pictures() -> tuple[InstrumentedModel, Tensor, Tensor]:
    model = zoo.load("fashion_cnn")
    return model, model.transform(zoo.fashion()[1][0]), model.transform(Image.new("L", (28, 28), 0))


def _rise() -> float:
    model, pullover, black = _pictures()
    with torch.no_grad():
        return float(model.net(pullover)[0, PULLOVER] - model.net(black)[0, PULLOVER])
