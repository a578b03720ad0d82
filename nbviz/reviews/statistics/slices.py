"""Slices: parts of the data set on which the network does worse than on the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nbviz.reviews.statistics.intervals import holm, wilson

if TYPE_CHECKING:
    import pandas

PARTS, LEAST, KINDS = 4, 20, 50
"""Parts that numbers are cut in; pictures of a slice at least; values of a column that are slices at most."""


def slices_of(columns: Mapping[str, Any]) -> dict[tuple[str, str], NDArray[np.bool_]]:
    """Cut every column into slices: (column, name of its part) → boolean (N,).

    Numbers of more than a few values are cut at their quartiles, all else by value. Missing values are in no slice; a
    slice of fewer than 20 pictures, or of all, is left out.
    """
    import pandas

    slices: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for name, values in columns.items():
        column = pandas.Series(values)
        numbers = pandas.api.types.is_numeric_dtype(column) and not pandas.api.types.is_bool_dtype(column)
        cut = _quantiles(column) if numbers and column.nunique() > PARTS else _kinds(column)
        slices |= {(str(name), part): inside for part, inside in cut.items()}
    return {key: inside for key, inside in slices.items() if LEAST <= inside.sum() < len(inside)}


def _quantiles(column: pandas.Series) -> dict[str, NDArray[np.bool_]]:
    values = column.to_numpy(float, na_value=np.nan)
    # unique: where half of the values are one, two quartiles are the same
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, PARTS + 1)))
    parts = {}
    for number, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        last = number == len(edges) - 2
        parts[f"{low:.3g} … {high:.3g}"] = (values >= low) & ((values <= high) if last else (values < high))
    return parts


def _kinds(column: pandas.Series) -> dict[str, NDArray[np.bool_]]:
    counts = column.value_counts()
    return {str(value): (column == value).to_numpy(bool) for value in counts.index[:KINDS]}


def slice_table(right: NDArray[np.bool_], parts: Mapping[tuple[str, str], NDArray[np.bool_]]) -> pandas.DataFrame:
    """Return one row per slice, the worst first: is the network less often right in it than elsewhere?

    right: (N,) whether each picture was. parts: (column, name of its part) → (N,), as :func:`slices_of` cuts them.
    Columns of the table: ``column``, ``slice``, ``count``, ``accuracy`` with its 95 % Wilson interval ``low`` and
    ``high``, ``elsewhere`` (accuracy of all other pictures), ``p`` (Fisher's exact test, one-sided), ``corrected`` (by
    Holm, for having looked at all slices).
    """
    import pandas
    from scipy.stats import fisher_exact

    rows = []
    for (column, part), inside in parts.items():
        table = [[int((right & inside).sum()), int((~right & inside).sum())],
                 [int((right & ~inside).sum()), int((~right & ~inside).sum())]]  # fmt: skip
        low, high = wilson(table[0][0], sum(table[0]))
        # one-sided: looked for are slices that fail; exact, as a slice may have 20 pictures
        p = float(fisher_exact(table, alternative="less").pvalue)
        shares = (table[0][0] / sum(table[0]), float(low), float(high), table[1][0] / sum(table[1]))
        rows.append((column, part, sum(table[0]), *shares, p))
    names = ["column", "slice", "count", "accuracy", "low", "high", "elsewhere", "p"]
    made = pandas.DataFrame(rows, columns=names)
    made["corrected"] = holm(made["p"].to_numpy(float)) if len(made) else []
    return made.sort_values(["corrected", "p", "accuracy"], kind="stable", ignore_index=True)
