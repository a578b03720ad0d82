"""Maps of the same pictures in two reports: whether the network looks elsewhere now."""

from __future__ import annotations

import numpy as np

from nbviz.reports.values import Values
from nbviz.reports.verdicts import ReportVerdict, State
from nbviz.reviews.cues.candidates import CELLS, answer_maps
from nbviz.reviews.cues.places import read_inputs
from nbviz.reviews.dense.bootstrap import mean_of_known
from nbviz.reviews.result import Review
from nbviz.reviews.shift.map_stability import likeness
from nbviz.reviews.statistics.intervals import mean_of

SAMPLE, DIGITS = 30, 5
"""Pictures whose maps are compared; digits of a cell's share."""
LEAST = 10
"""Pictures with the same answer from which on maps are judged."""


def map_values(review: Review) -> Values:
    """Return the maps of pictures that are drawn by seed, the same ones for every network over the same data.

    ``cells``: (pictures, 14 × 14) shares of the map of each picture's answer, which is ``classes``.
    """
    assert review.model is not None and review.items is not None
    rows = review.sampled(SAMPLE, 0)
    inputs = read_inputs(review.model, review.items, review, rows)
    cells = answer_maps(review.model, inputs, review.explained[rows])
    # the answer, not the score that explains it: of one score both answers have the same
    items, classes = review.column("items")[rows], review.column("prediction")[rows]
    return {"items": items.tolist(), "classes": classes.tolist(), "cells": np.round(cells, DIGITS).tolist()}


def moved_maps(one: Values, other: Values, limit: float) -> list[ReportVerdict]:
    """Judge maps of the same pictures, where the answer is the same: by how alike they are beyond other pictures' maps.

    Warns where the 95 % interval of that reaches ``limit``. Nothing where a report has no such maps.
    """
    if "answer_maps" not in one or "answer_maps" not in other:
        return []
    pair = [dict(zip(zip(v["items"], v["classes"], strict=True), v["cells"], strict=True))
            for v in (one["answer_maps"], other["answer_maps"])]  # fmt: skip
    same = [key for key in pair[0] if key in pair[1]]
    was, now = (np.array([cells[key] for key in same]).reshape(-1, CELLS * CELLS) for cells in pair)
    alike = likeness(was[:, None], now)
    own = np.diagonal(alike).copy()
    # beside other pictures' maps: two maps are alike by how pictures are composed, whatever the network looks at
    np.fill_diagonal(alike, np.nan)
    others = mean_of_known(alike, 1)
    # a map that is the same everywhere has no rank correlation, with its own or with another's
    known = np.isfinite(own - others)
    if known.sum() < LEAST:
        words = f"{known.sum()} of the {len(pair[0])} pictures have the same answer and a map, too few to tell"
        return [ReportVerdict("maps", "pass", words)]
    beyond = mean_of((own - others)[known])
    state: State = "warn" if beyond.low <= limit else "pass"
    words = f"alike {own[known].mean():.2f} over {known.sum()} pictures with the same answer, to another's "
    ends = f"beyond that {beyond.value:+.2f}, 95 %: {beyond.low:+.2f} … {beyond.high:+.2f}"
    return [ReportVerdict("maps", state, f"{words}{others[known].mean():.2f} ({ends})")]
