"""Lesson 5, Where: from CAM to Grad-CAM."""

from __future__ import annotations

from torch import Tensor

from nbviz import zoo
from nbviz.lessons.question import question

TABBY, GOLDFISH = 281, 1


@question(
    5,
    hints=(
        "`all_cams[1]` is the goldfish's map, with its sign.",
        "Compare it with zero, which gives a truth value for each place, and count them with `.sum()`.",
    ),
    way="int((all_cams[1] < 0).sum())",
    meaning="All other places of the cat speak for a goldfish, if only a little.",
    part=0,
)
def places_against() -> object:
    """How many of the 49 places of the layer head speak against goldfish?"""
    return int((_cam(GOLDFISH) < 0).sum())


@question(
    5,
    hints=(
        "The score is the sum of what the places add, and a bias.",
        "So it falls by just what that place adds: the largest value of `cam`.",
    ),
    way="float(cam.max())",
    meaning="Of a score above 8: no single place decides.",
)
def without_the_best_place() -> object:
    """By how much would the score of tabby fall if the place that adds most to it added nothing?"""
    return float(_cam(TABBY).max())


def _cam(index: int) -> Tensor:
    """Return the contribution of each of the 49 places to a class's score for the cat."""
    model = zoo.load()
    with model.capture("head") as outputs:
        model(model.transform(zoo.photographs()["cat"]))
    weights = model.net.classifier.weight.detach()[index]
    # the network takes the mean of its 49 places: each adds a 49th
    return (weights @ outputs["head"][0].flatten(1) / 49).cpu()
