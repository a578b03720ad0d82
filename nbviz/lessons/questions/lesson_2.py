"""Lesson 2, From edges to eyes."""

from __future__ import annotations

import torch

from nbviz import zoo
from nbviz.lessons.question import question


@question(
    2,
    hints=(
        "`field(layer)` gives what the middle place of a layer can see; `width` counts the columns.",
        "`width(field('blocks.5'))`.",
    ),
    way="width(field('blocks.5'))",
    meaning="That is nearly two eyes wide, one block after the first that can see an eye.",
    part=0,
)
def width_of_a_field() -> object:
    """How many pixels wide is the part of the picture that a place of blocks.5 can see?"""
    model = zoo.load()
    cat = model.transform(zoo.photographs()["cat"]).requires_grad_()
    with torch.enable_grad():
        part = model.net.get_submodule("stem")(cat)
        for index in range(6):
            part = model.net.get_submodule(f"blocks.{index}")(part)
        seen = torch.autograd.grad(part[0, :, 7, 7].sum(), cat)[0].abs().sum((0, 1, 2)).nonzero()
    return int(seen.max() - seen.min()) + 1


@question(
    2,
    hints=(
        "`pictures` is (1000, 1, 28, 28): pictures, planes, rows, columns. Take the rows from 14 on.",
        "`nearest_is_right` wants one row of numbers per picture: `.flatten(1)` makes it.",
    ),
    way="nearest_is_right(pictures[:, :, 14:].flatten(1))",
    meaning="Worse than by the whole picture, and still better than by any block of the random network.",
    absolute=0.015,
)
def lower_half() -> object:
    """Which share of 1,000 Fashion pictures has a nearest picture of its own kind, by the pixels of the lower half?"""
    model, fashion = zoo.load("fashion_cnn"), zoo.fashion()
    rows = torch.cat([model.transform(fashion[index][0])[0, :, 14:].reshape(1, -1) for index in range(1000)])
    labels = torch.tensor(fashion.targets[:1000])
    # as the lesson's nearest_is_right does: pixels that hardly vary would not count
    rows = (rows - rows.mean(0)) / (rows.std(0) + 1e-6)
    # no picture is its own nearest
    distances = torch.cdist(rows, rows).fill_diagonal_(1e9)
    right = (labels[distances.argmin(1)] == labels).float().mean().item()
    return right
