"""Means of measures over pictures, with intervals: many pictures can say what one cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

RESAMPLES = 2000
"""Draws of the pictures for an interval."""


def summary(table: pd.DataFrame, against: str | None = None, seed: int = 0) -> pd.DataFrame:
    """Return the mean of every method and measure over pictures, with its 95 % interval.

    table: what ``nbviz.compare`` gives. against: a method, such as ``"edges"``: then the values are differences
    from it on the same picture. Returns a pandas table: method, measure, pictures, mean, low, high; the interval is
    the bootstrap's over pictures, missing values left out.
    """
    import pandas as pd

    # observed: categories that have no row would become rows of nothing
    wide = table.pivot_table(index="picture", columns=["method", "measure"], values="value", observed=True)
    generator = np.random.default_rng(seed)
    rows = []
    for method, measure in wide.columns:
        values = wide[method, measure]
        if against is not None:
            if method == against or (against, measure) not in wide.columns:
                continue
            # on the same picture: pictures differ among themselves by more than methods do
            values = values - wide[against, measure]
        values = values.dropna().to_numpy()
        if len(values):
            rows.append((method, measure, len(values), values.mean(), *_interval(values, generator)))
    return pd.DataFrame(rows, columns=["method", "measure", "pictures", "mean", "low", "high"])


def student(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of a mean (low, high) by Student's t, for values (n,); NaN for fewer than two."""
    from scipy.stats import t

    if len(values) < 2:
        return np.nan, np.nan
    mean, half = float(values.mean()), float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return mean - half, mean + half


def _interval(values: np.ndarray, generator: np.random.Generator) -> tuple[float, float]:
    drawn = generator.integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[drawn].mean(1), [0.025, 0.975])
    return float(low), float(high)
