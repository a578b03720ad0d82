"""Average precision: the area under precision over recall, as COCO's evaluation has it, with intervals over pictures.

Boxes of all pictures, the surest first; precision at a recall is the best at that recall or beyond, read at 101 recalls
from 0 to 1 (Lin et al. 2014). AP is the mean over overlaps of .5, .55 … .95, AP50 that at .5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import Refused
from nbviz.reviews.dense.bootstrap import LEAST, Floats, Integers, draws, interval, mean_of_known
from nbviz.reviews.detection.matching import NEITHER, SURE, TRUE
from nbviz.reviews.statistics.intervals import Estimate

if TYPE_CHECKING:
    import pandas

RECALLS = np.linspace(0, 1, 101)
"""Recalls at which precision is read, COCO's."""
DRAWS = 300
"""Draws of the pictures; each reads the whole curve of each class anew, where other figures only sum."""
NO_CHANCE = (
    "No chance level stands beside AP50, precision, recall and F1 of boxes, for none is agreed on: compare them with "
    "another network's on the same pictures."
)


@dataclass(frozen=True, eq=False)
class BoxCounts:
    """Boxes of all pictures that have a target."""

    pictures: int
    classes: int
    row: Integers
    """Of the picture, per found box."""
    label: Integers
    score: Floats
    match: NDArray[np.int8]
    object_row: Integers
    object_label: Integers

    @classmethod
    def of(cls, columns: Mapping[str, Any], items: Integers, classes: int) -> BoxCounts:
        """Count the boxes of these items, from the tensors that :mod:`nbviz.reviews.detection.job` lists."""
        box, true = (np.isin(columns[f"{name}_items"], items) for name in ("box", "object"))
        row, own = (np.searchsorted(items, columns[f"{n}_items"][at]) for n, at in (("box", box), ("object", true)))
        label, score, match = (columns[f"box_{name}"][box] for name in ("label", "score", "match"))
        return cls(len(items), classes, row, label, score, match, own, columns["object_label"][true])

    @cached_property
    def objects(self) -> Floats:
        """True boxes (pictures, classes)."""
        counts = np.zeros((self.pictures, self.classes))
        np.add.at(counts, (self.object_row, self.object_label), 1)
        return counts

    @cached_property
    def average(self) -> Floats:
        """Average precision (classes, overlaps); NaN for a class without true boxes."""
        one, places = np.ones((1, self.pictures)), self.match.shape[1]
        shares = [[self._of_class(label, place, one)[0] for place in range(places)] for label in range(self.classes)]
        return np.array(shares).reshape(self.classes, places)

    @cached_property
    def drawn(self) -> Floats:
        """AP50 of each class for draws of the pictures, (draws, classes)."""
        blocks = [
            np.column_stack([self._of_class(label, 0, block) for label in range(self.classes)])
            for block in draws(self.pictures, DRAWS)
        ]
        return np.concatenate(blocks)

    def ranked(self, label: int, place: int = 0) -> Integers:
        """Return the boxes of a class that count at an overlap, by its place among them: rows, the surest first."""
        # boxes in a crowd are neither right nor wrong, as in COCO's evaluation
        chosen = np.flatnonzero((self.label == label) & (self.match[:, place] != NEITHER))
        return chosen[np.argsort(-self.score[chosen], kind="stable")]

    def _of_class(self, label: int, place: int, weights: Floats) -> Floats:
        """Return the average precision of a class where pictures count ``weights`` (draws, pictures) times."""
        objects, order = weights @ self.objects[:, label], self.ranked(label, place)
        # weights instead of copies: a picture drawn twice counts its boxes twice, and the order is sorted once
        times = weights[:, self.row[order]]
        true = np.cumsum(times * (self.match[order, place] == TRUE), axis=1)
        every = np.cumsum(times, axis=1)
        return np.array([_area(*one) for one in zip(true, every, objects, strict=True)])


def _area(true: Floats, every: Floats, objects: float) -> float:
    """Return the mean of the best precision beyond each of 101 recalls."""
    if not objects:
        return np.nan
    recall, precision = curve(true, every, objects)
    # beyond the last recall that is reached precision is 0, the element appended below
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(precision, 0.0)[places].mean())


def curve(true: Floats, every: Floats, objects: float) -> tuple[Floats, Floats]:
    """Return recall, and the best precision at that recall or beyond, of running counts, the surest box first."""
    # where a draw holds none of the boxes yet, 0 of 0 found counts as none
    precision = true / np.maximum(every, np.finfo(float).tiny)
    return true / objects, np.maximum.accumulate(precision[::-1])[::-1]


def box_table(counts: BoxCounts, names: Sequence[str]) -> pandas.DataFrame:
    """Return one row per class: true and found boxes, precision, recall and average precision.

    Columns: ``class``, ``index``, ``support`` (true boxes), ``pictures`` (that have one), ``predicted`` (boxes with a
    score of .5 or more), ``precision`` and ``recall`` of these at an overlap of .5, ``ap50`` with its 95 % interval by
    a bootstrap over pictures, ``ap`` (mean over overlaps .5 … .95); NaN where nothing was counted, and for intervals of
    a class in fewer than 10 pictures.
    """
    import pandas

    every = np.arange(counts.classes)
    support, pictures = counts.objects.sum(0), (counts.objects > 0).sum(0)
    sure = (counts.score >= SURE) & (counts.match[:, 0] != NEITHER)
    predicted = np.bincount(counts.label[sure], minlength=counts.classes)
    hits = np.bincount(counts.label[sure & (counts.match[:, 0] == TRUE)], minlength=counts.classes)
    low, high = (np.where(pictures >= LEAST, end, np.nan) for end in interval(counts.drawn))
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {"precision": hits / predicted, "recall": hits / support}
    return pandas.DataFrame(
        {
            "class": list(names), "index": every, "support": support.astype(np.int64), "pictures": pictures,
            "predicted": predicted, **shares, "ap50": counts.average[:, 0], "ap50_low": low, "ap50_high": high,
            "ap": counts.average.mean(1),
        }
    )  # fmt: skip


def mean_precision(counts: BoxCounts) -> tuple[Estimate, float]:
    """Return the mean over classes with true boxes of AP50, with its interval over pictures, and of AP.

    Raises Refused where no picture has a true box.
    """
    if not len(counts.object_row):
        raise Refused("No picture has a true box, so there is nothing to find: precision has no recall to go with.")
    low, high = interval(mean_of_known(counts.drawn, 1)) if counts.pictures >= LEAST else (np.nan, np.nan)
    whole = mean_of_known(counts.average, 0)
    return Estimate(float(whole[0]), float(low), float(high)), float(whole.mean())
