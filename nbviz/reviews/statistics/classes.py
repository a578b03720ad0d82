"""Figures class by class: recall, precision, and what each class is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbviz.replica.scikit_import import scikit
from nbviz.reviews.statistics.intervals import wilson

if TYPE_CHECKING:
    import pandas

OTHER = 20
"""Classes that a confusion matrix shows each by itself; the rest is summed in a row and column called "other"."""


def class_table(labels: NDArray[np.int64], predictions: NDArray[np.int64], names: Sequence[str]) -> pandas.DataFrame:
    """Return one row per class: support, accuracy figures and their 95 % Wilson intervals.

    labels, predictions: (N,) class indices. Columns: ``class``, ``index``, ``support`` (pictures of it), ``predicted``
    (pictures said to be it), ``precision``, ``recall``, ``f1`` (0…1; NaN where nothing was counted), and ``…_low``,
    ``…_high`` of precision and recall.
    """
    import pandas

    every = np.arange(len(names))
    # over every class, labelled or not: a row is found by its class's index
    precision, recall, f1, support = scikit("metrics").precision_recall_fscore_support(
        labels, predictions, labels=every, zero_division=np.nan
    )
    predicted = np.bincount(predictions, minlength=len(names))[: len(names)]
    hits = np.bincount(labels[labels == predictions], minlength=len(names))[: len(names)]
    recall_low, recall_high = wilson(hits, support)
    precision_low, precision_high = wilson(hits, predicted)
    return pandas.DataFrame(
        {
            "class": list(names), "index": every, "support": support, "predicted": predicted,
            "precision": precision, "precision_low": precision_low, "precision_high": precision_high,
            "recall": recall, "recall_low": recall_low, "recall_high": recall_high, "f1": f1,
        }
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Confusion:
    """Confusion matrix: which class is taken for which."""

    counts: NDArray[np.int64]
    """(rows, columns): pictures of the row's class that are said to be the column's."""
    names: tuple[str, ...]
    """Of rows and columns, alike beside alike."""
    classes: tuple[int | None, ...]
    """Index of each; None for "other"."""

    def pairs(self) -> list[tuple[int, int, int]]:
        """Return (label, prediction, pictures) of what is confused, most often first; "other" left out."""
        pairs = [
            (self.classes[row], self.classes[column], int(count))
            for (row, column), count in np.ndenumerate(self.counts)
            if row != column and count
        ]
        named = [(a, b, n) for a, b, n in pairs if a is not None and b is not None]
        return sorted(named, key=lambda pair: (-pair[2], pair[0], pair[1]))


def confusion(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], names: Sequence[str], most: int = OTHER
) -> Confusion:
    """Count confusions of (N,) labels and predictions; classes that are confused with each other stand together.

    most: classes shown each by itself, those with the most mistakes; the rest is "other".
    """
    counts = scikit("metrics").confusion_matrix(labels, predictions, labels=np.arange(len(names)))
    return shown_confusion(counts, names, most)


def shown_confusion(full: NDArray[np.int64], names: Sequence[str], most: int = OTHER) -> Confusion:
    """Order a whole matrix (classes, classes) by likeness, and sum up the classes beyond ``most``."""
    seen = full.sum(0) + full.sum(1)
    # mistakes that a class is part of, as label or as answer
    wrong = np.argsort(2 * full.diagonal() - seen, kind="stable")
    # of a thousand classes, those that are neither labels nor answers say nothing
    most_wrong = np.sort(wrong[seen[wrong] > 0][:most]) if len(names) > most else np.arange(len(names))
    order = most_wrong[_by_likeness(full[np.ix_(most_wrong, most_wrong)])]
    rest = np.setdiff1d(np.arange(len(names)), most_wrong)
    shown, classes = [names[i] for i in order], [int(i) for i in order]
    counts = full[np.ix_(order, order)]
    if not seen[rest].any():
        return Confusion(counts, tuple(shown), tuple(classes))
    column, row = full[np.ix_(order, rest)].sum(1), full[np.ix_(rest, order)].sum(0)
    counts = np.block([[counts, column[:, None]], [row[None], np.array([[full[np.ix_(rest, rest)].sum()]])]])
    return Confusion(counts, (*shown, "other"), (*classes, None))


def _by_likeness(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an order in which classes that are taken for each other are neighbours."""
    from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
    from scipy.spatial.distance import squareform

    if len(counts) < 3:
        return np.arange(len(counts))
    support = np.maximum(counts.sum(1, keepdims=True), 1)
    alike = counts / support
    distance = 1 - (alike + alike.T) / 2
    np.fill_diagonal(distance, 0)
    condensed = squareform(distance, checks=False)
    return np.asarray(leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed)))
