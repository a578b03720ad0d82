"""Slices of a review that has a figure per picture, such as its pixel accuracy, instead of right or wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbviz.reviews.statistics.intervals import holm, mean_of

if TYPE_CHECKING:
    import pandas


def mean_slices(figures: NDArray[np.float64], parts: Mapping[tuple[str, str], NDArray[np.bool_]]) -> pandas.DataFrame:
    """Return one row per slice, the worst first: is the pictures' figure lower in it than elsewhere?

    figures: (N,), in 0…1. parts: (column, name of its part) → (N,). Columns: ``column``, ``slice``, ``count``,
    ``accuracy`` (mean of the figure) with its 95 % interval by Student's t ``low`` and ``high``, ``elsewhere`` (the
    mean of all other pictures), ``p`` (Mann–Whitney, one-sided), ``corrected`` (by Holm, for having looked at all).
    """
    import pandas
    from scipy.stats import mannwhitneyu

    rows = []
    for (column, part), inside in parts.items():
        mean, elsewhere = mean_of(figures[inside]).clipped(), float(figures[~inside].mean())
        # by rank: figures of pictures pile up at 0 and 1, and means of few are far from normal
        p = float(mannwhitneyu(figures[inside], figures[~inside], alternative="less").pvalue)
        rows.append((column, part, int(inside.sum()), mean.value, mean.low, mean.high, elsewhere, p))
    table = pandas.DataFrame(rows, columns=["column", "slice", "count", "accuracy", "low", "high", "elsewhere", "p"])
    table["corrected"] = holm(table["p"].to_numpy(float)) if len(table) else []
    return table.sort_values(["corrected", "p", "accuracy"], kind="stable", ignore_index=True)
