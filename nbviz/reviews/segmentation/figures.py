"""Figures of segmentation: pixel accuracy and intersection over union, per picture, per class and of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nbviz.reviews.dense.bootstrap import LEAST, Floats, Integers, interval, mean_of_known, resampled
from nbviz.reviews.statistics.intervals import Estimate

if TYPE_CHECKING:
    import pandas
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class PixelCounts:
    """Pixels of each picture by class and answer; those that are not counted left out."""

    pictures: int
    classes: int
    row: Integers
    """Of the picture, per pair of class and answer that it has."""
    label: Integers
    prediction: Integers
    count: Integers

    @classmethod
    def of(cls, columns: Mapping[str, Any], rows: Integers, classes: int) -> PixelCounts:
        """Count the pictures of these rows, from the tensors that :mod:`nbviz.reviews.segmentation.job` lists."""
        place = np.searchsorted(columns["items"][rows], columns["pair_items"])
        # what lies behind the last item finds no row: the comparison below leaves it out
        place = np.minimum(place, max(0, len(rows) - 1))
        inside = (columns["pair_label"] >= 0) & (columns["items"][rows][place] == columns["pair_items"])
        names = ("pair_label", "pair_prediction", "pair_count")
        return cls(len(rows), classes, place[inside], *(columns[name][inside] for name in names))

    @cached_property
    def matrix(self) -> Integers:
        """Confusion matrix (classes, classes): pixels of the row's class that are said to be the column's."""
        total = np.zeros((self.classes, self.classes), np.int64)
        np.add.at(total, (self.label, self.prediction), self.count)
        return total

    @cached_property
    def hits(self) -> csr_array:
        """Pixels of each class that are said to be it, sparse (pictures, classes)."""
        same = self.label == self.prediction
        return self._sparse(self.label[same], self.row[same], self.count[same])

    @cached_property
    def support(self) -> csr_array:
        """Pixels of each class, sparse (pictures, classes)."""
        return self._sparse(self.label, self.row, self.count)

    @cached_property
    def predicted(self) -> csr_array:
        """Pixels said to be each class, sparse (pictures, classes)."""
        return self._sparse(self.prediction, self.row, self.count)

    def _sparse(self, column: Integers, row: Integers, count: Integers) -> csr_array:
        from scipy.sparse import csr_array

        return csr_array((count.astype(float), (row, column)), (self.pictures, self.classes))

    @cached_property
    def sums(self) -> tuple[Floats, Floats, Floats]:
        """Hits, support and predicted of 1,000 draws of the pictures, each (draws, classes)."""
        from scipy.sparse import hstack

        # in one product: all three must be of the same draws
        every = resampled(hstack([self.hits, self.support, self.predicted], "csr"))
        hits, support, predicted = np.split(every, 3, axis=1)
        return hits, support, predicted

    @cached_property
    def picture_iou(self) -> Floats:
        """Mean IoU of each picture over the classes that it has or that are said there, (pictures,)."""
        union = self.support + self.predicted - self.hits
        # sparse throughout: a thousand pictures of 150 classes are mostly zeros
        union.data = 1 / union.data  # a class that is there or said has a pixel at least
        return self.hits.multiply(union).sum(1) / np.maximum(np.diff(union.indptr), 1)


def iou(hits: Floats, support: Floats, predicted: Floats) -> Floats:
    """Return intersection over union, 0…1; NaN for a class that is neither there nor said."""
    union = support + predicted - hits
    return np.where(union > 0, hits / np.maximum(union, 1), np.nan)


def pixel_table(counts: PixelCounts, names: Sequence[str]) -> pandas.DataFrame:
    """Return one row per class: pixels, accuracy and IoU with 95 % intervals by a bootstrap over pictures.

    Columns: ``class``, ``index``, ``support`` (pixels of it), ``pictures`` (that have it), ``predicted`` (pixels said
    to be it), ``accuracy`` (of its pixels, the share said to be it), ``iou``, and ``…_low``, ``…_high`` of both; NaN
    where nothing was counted, and for intervals of a class in fewer than 10 pictures.
    """
    import pandas

    every = (counts.hits, counts.support, counts.predicted)
    hits, support, predicted = (np.asarray(one.sum(0)).ravel() for one in every)
    pictures = np.asarray((counts.support > 0).sum(0)).ravel()
    sums = counts.sums
    with np.errstate(invalid="ignore", divide="ignore"):
        shares, drawn = hits / support, sums[0] / sums[1]
    enough = pictures >= LEAST
    accuracy_low, accuracy_high = (np.where(enough, end, np.nan) for end in interval(drawn))
    iou_low, iou_high = (np.where(enough, end, np.nan) for end in interval(iou(*sums)))
    return pandas.DataFrame(
        {
            "class": list(names), "index": np.arange(len(names)), "support": support.astype(np.int64),
            "pictures": pictures, "predicted": predicted.astype(np.int64),
            "accuracy": shares, "accuracy_low": accuracy_low, "accuracy_high": accuracy_high,
            "iou": iou(hits, support, predicted), "iou_low": iou_low, "iou_high": iou_high,
        }
    )  # fmt: skip


def pixel_accuracy(counts: PixelCounts) -> Estimate:
    """Return the share of counted pixels said to be what they are, with its interval over pictures."""
    hits, support, _ = counts.sums
    return _estimate(counts, float(counts.hits.sum() / counts.support.sum()), hits.sum(1) / support.sum(1))


def mean_accuracy(counts: PixelCounts) -> Estimate:
    """Return the mean over classes of the share of their pixels that are said to be them."""
    hits, support, _ = counts.sums
    own = counts.matrix.diagonal() / np.where(counts.matrix.sum(1) > 0, counts.matrix.sum(1), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _estimate(counts, float(np.nanmean(own)), mean_of_known(hits / support, 1))


def mean_iou(counts: PixelCounts) -> Estimate:
    """Return the mean IoU over the classes that are there or said; with its interval over pictures."""
    matrix = counts.matrix.astype(float)
    whole = iou(matrix.diagonal(), matrix.sum(1), matrix.sum(0))
    return _estimate(counts, float(np.nanmean(whole)), mean_of_known(iou(*counts.sums), 1))


def _estimate(counts: PixelCounts, value: float, drawn: Floats) -> Estimate:
    if counts.pictures < LEAST:
        return Estimate(value, np.nan, np.nan)
    low, high = interval(drawn)
    return Estimate(value, float(low), float(high))


def by_commonest(counts: PixelCounts) -> tuple[int, float, float]:
    """Return the commonest class, and pixel accuracy and mean IoU of a network that says it everywhere.

    Its IoU is then its share of the pixels, and that of every other class that is there 0.
    """
    support = counts.matrix.sum(1)
    best = int(support.argmax())
    share = float(support[best] / support.sum())
    return best, share, share / int((support > 0).sum())
