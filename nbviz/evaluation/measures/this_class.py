"""Dependence on the class: the map of an unrelated class must be another."""

from __future__ import annotations

import math

import numpy as np

from nbviz.evaluation.base import Explain, Map, Steps, Verdict, final, unable
from nbviz.evaluation.maps import empty, spearman, strength
from nbviz.evaluation.registry import Case, Measured, measure
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

NAME = "this class"
SIMILAR = 0.8
"""Rank correlation from which on two maps are taken for the same."""


def this_class(
    model: InstrumentedModel, picture: PictureLike, target: Target, judged: Map, explain: Explain
) -> Steps[Verdict]:
    """Judge by Spearman of the maps' strength with an unrelated class's: passed below .8."""
    reason = empty(judged)
    # a target that is no class, such as a channel, has no other class to be compared with
    index = unrelated(model.logits(picture), target) if target.instead(0) is not None else None
    other = None if index is None else target.instead(index)
    if other is None and not reason:
        reason = "there is no unrelated class to compare with"
    if reason or index is None or other is None:
        return unable(NAME, f"Another class can't be compared: {reason}.")
    name = model.class_name(index)
    against = yield from final(explain(model, picture, other))
    if empty(against):
        return unable(NAME, f"Another class can't be compared: for {name}, {empty(against)}.")
    similarity = spearman(strength(judged), strength(against))
    if similarity is None:
        return unable(NAME, "Another class can't be compared: the map is the same everywhere.")
    figures = {"similarity": similarity}
    # measured over photographs: gradient methods up to .66, Grad-CAM .76, guided backprop .98 and more
    if similarity < SIMILAR:
        words = f"An unrelated class, {name}, has another map (similarity {similarity:.2f})."
        return Verdict(NAME, "passed", words, figures)
    words = f"An unrelated class, {name}, has almost the same map (similarity {similarity:.2f})."
    return Verdict(NAME, "not passed", words, figures)


def unrelated(logits: np.ndarray, target: Target) -> int | None:
    """Choose a class from the middle of the ranking, far from those predicted; None below four classes.

    Neither the runner-up, which shares evidence with good reason, nor the last, which may be its opposite.
    """
    if len(logits) < 4:
        return None
    order = np.argsort(-logits, kind="stable")
    middle = len(order) // 2
    ring = [*order[middle:], *order[:middle]]
    return next(int(i) for i in ring if i not in (target.index, target.other))


@measure(NAME, verdict=True, methods_only=True, cost=1, progress="looking at another class")
def _measure(case: Case) -> Steps[Measured]:
    """Judge whether an unrelated class has another map."""
    assert case.explain is not None
    verdict = yield from this_class(case.model, case.picture, case.target, case.map, case.explain)
    return Measured({f"similarity, {NAME}": verdict.figures.get("similarity", math.nan)}, verdict)
