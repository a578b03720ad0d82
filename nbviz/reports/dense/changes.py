"""Changes of figures from one report to another, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nbviz.reports.values import Values
from nbviz.reviews.dense.bootstrap import Floats, interval
from nbviz.reviews.statistics.intervals import Estimate

LEVEL = 0.95
"""Of an interval; of classes, of all of them together."""
Change = tuple[str, float, float, Estimate]
"""Name of a figure, its value before and now, and the difference."""


def between(
    titles: Sequence[str], was: Floats, now: Floats, drawn: Floats, enough: NDArray[np.bool_]
) -> Iterator[Change]:
    """Yield changes of figures (k,) by differences of the same draws (draws, k); NaN ends where not ``enough``.

    Names with " of " are classes: their intervals are as wide as looking at all of them asks (Bonferroni).
    """
    known = np.isfinite(was) & np.isfinite(now)
    classes = sum(" of " in title for title, there in zip(titles, known, strict=True) if there)
    for place in map(int, np.flatnonzero(known)):
        # Bonferroni, not Holm: an interval has no p to put in order
        level = 1 - (1 - LEVEL) / classes if " of " in titles[place] else LEVEL
        low, high = interval(drawn[:, place], level) if enough[place] else (np.nan, np.nan)
        before, after = float(was[place]), float(now[place])
        yield titles[place], before, after, Estimate(after - before, float(low), float(high))


def classes_of(one: Values, other: Values, name: str) -> Iterator[tuple[str, Values, Values]]:
    """Yield each class of two reports: its name, and a figure with its ends before and now."""
    for was, now in zip(one["classes"], other["classes"], strict=True):
        pair = ({"value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]} for row in (was, now))
        yield was["class"], *pair


def apart(title: str, was: Values | None, now: Values | None) -> Iterator[Change]:
    """Yield the change of a figure by square and add of both intervals; nothing where one is not told."""
    pair = [_estimate(figures) for figures in (was, now)]
    if pair[0] is not None and pair[1] is not None:
        yield title, pair[0].value, pair[1].value, pair[1].less(pair[0])


def _estimate(figures: Values | None) -> Estimate | None:
    if figures is None or any(figures[name] is None for name in ("value", "low", "high")):
        return None
    return Estimate(*(float(figures[name]) for name in ("value", "low", "high")))
