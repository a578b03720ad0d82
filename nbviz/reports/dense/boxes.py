"""Changes from one report of a detector to another: average precision at an overlap of .5."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbviz.reports.dense.changes import Change, apart, between, classes_of
from nbviz.reports.values import Values
from nbviz.reviews.dense.bootstrap import LEAST, Floats, mean_of_known
from nbviz.reviews.detection.precision import BoxCounts


def paired_boxes(one: Values, other: Values) -> Iterator[Change]:
    """Yield changes of AP50 and each class's, of the same pictures drawn again."""
    names = one["manifest"]["classes"]
    items = np.intersect1d(one["boxes"]["items"], other["boxes"]["items"])
    was, now = (_counts(values, items, len(names)) for values in (one, other))
    enough = np.concatenate([[now.pictures >= LEAST], (now.objects > 0).sum(0) >= LEAST])
    titles = ["mean AP50", *(f"AP50 of {name}" for name in names)]
    before, after = (_with_mean(counts.average[None, :, 0])[0] for counts in (was, now))
    # differences of the same draws: a bootstrap draws alike in every call, which pairs the pictures
    yield from between(titles, before, after, _with_mean(now.drawn) - _with_mean(was.drawn), enough)


def apart_boxes(one: Values, other: Values) -> Iterator[Change]:
    """Yield the same of reports that tell no single pictures."""
    yield from apart("mean AP50", one["summary"]["ap50"], other["summary"]["ap50"])
    for title, was, now in classes_of(one, other, "ap50"):
        yield from apart(f"AP50 of {title}", was, now)


def _with_mean(shares: Floats) -> Floats:
    return np.column_stack([mean_of_known(shares, 1), shares])


def _counts(values: Values, items: np.ndarray, classes: int) -> BoxCounts:
    told = {name: np.array(column) for name, column in values["boxes"].items()}
    match = told["box_match"].astype(np.int8).reshape(-1, 1)
    columns = {**{name: column.astype(np.int64) for name, column in told.items()}, "box_match": match}
    columns["box_score"] = told["box_score"].astype(float)
    return BoxCounts.of(columns, items, classes)
