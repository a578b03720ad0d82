"""Changes from one report of a segmentation network to another: pixels right and IoU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbviz.reports.dense.changes import Change, apart, between, classes_of
from nbviz.reports.values import Values
from nbviz.reviews.dense.bootstrap import LEAST, Floats, Integers, mean_of_known
from nbviz.reviews.segmentation.figures import PixelCounts, iou

WHOLE = {"pixel_accuracy": "pixel accuracy", "mean_iou": "mean IoU"}


def paired_masks(one: Values, other: Values) -> Iterator[Change]:
    """Yield changes of pixel accuracy, mean IoU and each class's, of the same pictures drawn again."""
    names = one["manifest"]["classes"]
    items = np.intersect1d(one["pixels"]["items"], other["pixels"]["items"])
    was, now = (_counts(values, items, len(names)) for values in (one, other))
    pictures = np.asarray((now.support > 0).sum(0)).ravel()
    enough = np.concatenate([[now.pictures >= LEAST] * 2, pictures >= LEAST])
    titles = [*WHOLE.values(), *(f"IoU of {name}" for name in names)]
    # differences of the same draws: a bootstrap draws alike in every call, which pairs the pictures
    yield from between(titles, _shares(was), _shares(now), _figures(*now.sums) - _figures(*was.sums), enough)


def apart_masks(one: Values, other: Values) -> Iterator[Change]:
    """Yield the same of reports that tell no single pictures."""
    for name, title in WHOLE.items():
        yield from apart(title, *(values["summary"][name] for values in (one, other)))
    for title, was, now in classes_of(one, other, "iou"):
        yield from apart(f"IoU of {title}", was, now)


def _counts(values: Values, items: Integers, classes: int) -> PixelCounts:
    columns = {name: np.array(column, np.int64) for name, column in values["pixels"].items()}
    return PixelCounts.of(columns, np.searchsorted(columns["items"], items), classes)


def _shares(counts: PixelCounts) -> Floats:
    """Return pixel accuracy, mean IoU and the IoU of each class."""
    matrix = counts.matrix.astype(float)
    return _figures(matrix.diagonal()[None], matrix.sum(1)[None], matrix.sum(0)[None])[0]


def _figures(hits: Floats, support: Floats, predicted: Floats) -> Floats:
    own = iou(hits, support, predicted)
    return np.column_stack([hits.sum(1) / support.sum(1), mean_of_known(own, 1), own])
