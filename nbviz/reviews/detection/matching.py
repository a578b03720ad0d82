"""Matching of found boxes with true ones of one picture, as COCO's evaluation does.

Class by class, the surest box first takes the free true box that it overlaps most, at least by the threshold; of a
class the 100 surest of a picture count. What overlaps a crowd only counts neither way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nbviz.reviews.dense.bootstrap import Floats, Integers
from nbviz.reviews.detection.targets import TrueBoxes

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Overlaps (IoU) from which a box counts as found."""
MOST, SURE = 100, 0.5
"""Boxes of a class and picture that count; score from which a box counts as said."""
FALSE, TRUE, NEITHER = 0, 1, -1
"""Match of a found box; see :class:`Matches`."""
NOTHING = -1
"""Class, or box, where there is none."""


@dataclass(frozen=True, eq=False)
class Matches:
    """Found boxes of one picture, the surest of each class first, and its true ones."""

    label: Integers
    score: Floats
    match: NDArray[np.int8]
    """(n, 10) at each threshold: 1 where it finds a true box, 0 where none is there, −1 where it counts neither way."""
    taken: Integers
    """(n,) class of the true box that a sure one takes for its own class; −1 for none."""
    objects: Integers
    """(m,) classes of the true boxes that count."""
    said: Integers
    """(m,) class that each is said to be by a sure box; −1 where it is missed."""


def overlaps(boxes: Floats, others: Floats, crowd: NDArray[np.bool_]) -> Floats:
    """Return IoU (n, m) of boxes (n, 4) and others (m, 4); of a crowd the share of the box that lies in it."""
    low, high = np.maximum(boxes[:, None, :2], others[None, :, :2]), np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    own, theirs = ((each[:, 2:] - each[:, :2]).prod(1) for each in (boxes, others))
    union = np.where(crowd, own[:, None], own[:, None] + theirs - shared)
    return np.where(union > 0, shared / np.where(union > 0, union, 1), 0.0)


def matched(boxes: Floats, labels: Integers, scores: Floats, target: TrueBoxes | None) -> Matches:
    """Match found boxes (n, 4) of one picture; without a target they count neither way."""
    keep = _counted(labels, scores)
    boxes, labels, scores = boxes[keep], labels[keep], scores[keep]
    match = np.full((len(boxes), len(THRESHOLDS)), NEITHER, np.int8)
    taken = np.full(len(boxes), NOTHING)
    if target is None:
        return Matches(labels, scores, match, taken, np.zeros(0, np.int64), np.zeros(0, np.int64))
    order = np.argsort(target.crowd, kind="stable")  # a crowd is taken last
    truths, crowd, names = target.boxes[order], target.crowd[order], target.labels[order]
    share = overlaps(boxes, truths, crowd)
    owner = np.full(len(truths), NOTHING)
    for label in np.unique(labels):
        found, own = np.flatnonzero(labels == label), np.flatnonzero(names == label)
        for place, threshold in enumerate(THRESHOLDS):
            partner = _greedy(share[np.ix_(found, own)], crowd[own], float(threshold))
            hit = partner >= 0
            match[found, place] = FALSE
            match[found[hit], place] = np.where(crowd[own][partner[hit]], NEITHER, TRUE)
            # at an overlap of .5 alone: a confusion matrix has one
            if place == 0:
                sure = hit & (scores[found] >= SURE)
                owner[own[partner[sure]]] = label
    # a box of another class on a true one is a confusion, not a made-up box and a miss
    said = _confused(share, (labels, scores, match[:, 0]), (names, crowd, owner), taken)
    return Matches(labels, scores, match, taken, names[~crowd], said[~crowd])


def _counted(labels: Integers, scores: Floats) -> Integers:
    """Return the boxes that count: of each class the surest, those first."""
    order = np.argsort(-scores, kind="stable")
    rank = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        of = order[labels[order] == label]
        rank[of] = np.arange(len(of))
    return order[rank[order] < MOST]


def _greedy(share: Floats, crowd: NDArray[np.bool_], threshold: float) -> Integers:
    """Return the true box that each found one takes, (n,), −1 for none; the found ones come surest first."""
    partner = np.full(len(share), NOTHING)
    free = np.ones(len(crowd), bool)
    for row, shares in enumerate(share):
        # an object first, whatever it overlaps more: a crowd only takes what found nothing
        for group in (~crowd, crowd):
            # a crowd stays free: it is many objects; 1 − 1e-10 is pycocotools' bound of a threshold
            places = np.flatnonzero(group & (free | crowd) & (shares >= min(threshold, 1 - 1e-10)))
            if len(places):
                best = places[shares[places] == shares[places].max()][-1]  # of equal ones the last, as COCO's
                partner[row], free[best] = best, False
                break
    return partner


def _confused(
    share: Floats,
    found: tuple[Integers, Floats, NDArray[np.int8]],
    truths: tuple[Integers, NDArray[np.bool_], Integers],
    taken: Integers,
) -> Integers:
    """Return the class that each true box is said to be; note in ``taken`` which class a sure box takes for its."""
    labels, scores, match = found
    names, crowd, owner = truths
    said = owner.copy()
    for row in np.flatnonzero((match == FALSE) & (scores >= SURE)):
        open_places = np.flatnonzero(
            (said == NOTHING) & ~crowd & (share[row] >= THRESHOLDS[0]) & (names != labels[row])
        )
        if len(open_places):
            best = open_places[share[row][open_places].argmax()]
            said[best], taken[row] = labels[row], names[best]
    return said
