"""Comparison of two reports of segmentation networks: pixels right and IoU, picture by picture where these are told."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbviz.reports.values import Values
from nbviz.reports.verdicts import ReportVerdict, State
from nbviz.reviews.dense.bootstrap import LEAST, Floats, interval
from nbviz.reviews.segmentation.figures import Integers, PixelCounts, iou
from nbviz.reviews.statistics.intervals import Estimate

LEVEL = 0.95


def mask_verdicts(one: Values, other: Values, accuracy: float, recall: float) -> tuple[list[ReportVerdict], bool]:
    """Return verdicts on pixel accuracy, mean IoU and the IoU of each class, and whether pictures were paired.

    Paired, the difference has an interval by drawing pictures, the same ones for both; else by square and add of both
    intervals. Fewer than 10 pictures, of a class or of all, are not judged. Intervals of classes are as wide as looking
    at all of them asks (Bonferroni). accuracy, recall: losses, of the whole and of a class, beyond which what is more
    than chance fails.
    """
    changes = list(_paired(one, other)) if "pixels" in one and "pixels" in other else None
    paired = changes is not None
    verdicts = []
    for name, was, now, change in changes if changes is not None else _apart(one, other):
        limit = recall if name.startswith("IoU of ") else accuracy
        state: State = "pass"
        if change.high < 0:
            state = "fail" if -change.value > limit else "warn"
        words = f"{was:.3f} → {now:.3f}, 95 %: {change.low:+.3f} … {change.high:+.3f}"
        verdicts.append(ReportVerdict(name, state, words if paired else f"{words}, not paired"))
    return verdicts, paired


Change = tuple[str, float, float, Estimate]
"""Name of a figure, its value before and now, and the difference."""


def _paired(one: Values, other: Values) -> Iterator[Change]:
    names = one["manifest"]["classes"]
    items = np.intersect1d(one["pixels"]["items"], other["pixels"]["items"])
    was, now = (_counts(values, items, len(names)) for values in (one, other))
    before, after = _shares(was), _shares(now)
    drawn = _drawn(now) - _drawn(was)
    pictures = np.asarray((now.support > 0).sum(0)).ravel()
    enough = np.concatenate([[now.pictures >= LEAST] * 2, pictures >= LEAST])
    classes = np.flatnonzero(np.isfinite(before[2:]) & np.isfinite(after[2:]))
    for place in (0, 1, *(classes + 2)):
        level = LEVEL if place < 2 else 1 - (1 - LEVEL) / len(classes)
        low, high = interval(drawn[:, place], level) if enough[place] else (np.nan, np.nan)
        name = ("pixel accuracy", "mean IoU")[place] if place < 2 else f"IoU of {names[place - 2]}"
        was_share, now_share = float(before[place]), float(after[place])
        yield name, was_share, now_share, Estimate(now_share - was_share, float(low), float(high))


def _counts(values: Values, items: Integers, classes: int) -> PixelCounts:
    columns = {name: np.array(column, np.int64) for name, column in values["pixels"].items()}
    return PixelCounts.of(columns, np.searchsorted(columns["items"], items), classes)


def _shares(counts: PixelCounts) -> Floats:
    """Return pixel accuracy, mean IoU and the IoU of each class."""
    matrix = counts.matrix.astype(float)
    return _figures(matrix.diagonal()[None], matrix.sum(1)[None], matrix.sum(0)[None])[0]


def _drawn(counts: PixelCounts) -> Floats:
    """Return the same of draws of the pictures, (draws, figures)."""
    return _figures(*counts.sums)


def _figures(hits: Floats, support: Floats, predicted: Floats) -> Floats:
    own = iou(hits, support, predicted)
    return np.column_stack([hits.sum(1) / support.sum(1), np.nanmean(own, axis=1), own])


def _apart(one: Values, other: Values) -> Iterator[Change]:
    for name in ("pixel_accuracy", "mean_iou"):
        pair = [values["summary"][name] for values in (one, other)]
        title = "pixel accuracy" if name == "pixel_accuracy" else "mean IoU"
        yield from _difference(title, *(_estimate(each, "value", "low", "high") for each in pair))
    for was, now in zip(one["classes"], other["classes"], strict=True):
        pair = [_estimate(row, "iou", "iou_low", "iou_high") for row in (was, now)]
        yield from _difference(f"IoU of {was['class']}", *pair)


def _estimate(figures: Values | None, *names: str) -> Estimate | None:
    if figures is None or any(figures[name] is None for name in names):
        return None
    return Estimate(*(float(figures[name]) for name in names))


def _difference(name: str, was: Estimate | None, now: Estimate | None) -> Iterator[Change]:
    if was is not None and now is not None:
        yield name, was.value, now.value, now.less(was)
