"""Intervals of shares, and p-values corrected for having looked at many."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from nbviz.evaluation.summary import student

LEVEL = 0.95
"""Of intervals."""
SIGNIFICANCE = 0.05
"""p, corrected for all that were looked at, below which a difference is marked as beyond chance."""


def wilson(hits: ArrayLike, of: ArrayLike, level: float = LEVEL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Wilson score interval (low, high) of shares hits/of, each 0…1; 0…1 where nothing was counted.

    Wilson 1927, without continuity correction: unlike the textbook's interval it holds its level for shares near 0 and
    1 and for few pictures.
    """
    k, n = np.broadcast_arrays(np.asarray(hits, float), np.asarray(of, float))
    z = ndtri(0.5 + level / 2)
    safe = np.maximum(n, 1)
    share = k / safe
    middle = (share + z**2 / (2 * safe)) / (1 + z**2 / safe)
    half = z / (1 + z**2 / safe) * np.sqrt(share * (1 - share) / safe + z**2 / (4 * safe**2))
    # rounding must not push the ends past the values they have exactly
    low = np.where(k == 0, 0.0, np.clip(middle - half, 0, 1))
    high = np.where(k == n, 1.0, np.clip(middle + half, 0, 1))
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected for having looked at all of them (Holm 1979); NaN stays, and does not count."""
    given = np.asarray(p, float)
    corrected = np.full_like(given, np.nan)
    known = np.flatnonzero(np.isfinite(given))
    order = known[np.argsort(given[known], kind="stable")]
    # by how many are left, where Bonferroni takes all each time: as safe, and it finds more
    steps = given[order] * np.arange(len(order), 0, -1)
    # never below the one before: a larger p must not come out as the surer one
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


@dataclass(frozen=True)
class Estimate:
    """Share or mean with its 95 % interval; NaN where nothing was counted."""

    value: float
    low: float
    high: float

    def less(self, other: Estimate) -> Estimate:
        """Return the difference from another, independent one, its interval by square and add."""
        # each end from the ends that lead there (Newcombe 1998): Wilson's intervals are not symmetric
        low = math.hypot(self.value - self.low, other.high - other.value)
        high = math.hypot(self.high - self.value, other.value - other.low)
        value = self.value - other.value
        return Estimate(value, value - low, value + high)

    def clipped(self) -> Estimate:
        """Return the same with ends in 0…1, for means of shares."""
        # the bound second: max() and min() return the first of two where one is NaN
        return Estimate(self.value, max(self.low, 0.0), min(self.high, 1.0))

    @property
    def beyond_chance(self) -> bool:
        """True if zero is outside the interval."""
        return self.low > 0 or self.high < 0


def share_of(hits: float, count: int) -> Estimate:
    """Return a share with its Wilson interval; NaN of nothing."""
    low, high = wilson(hits, count)
    return Estimate(hits / count if count else math.nan, float(low), float(high))


def paired_difference(lost: int, won: int, count: int) -> Estimate:
    """Return the change of a share between two answers to the same ``count`` pictures, with its 95 % interval.

    Agresti and Min 2005, doi:10.1002/sim.1781: half a picture is added to each of the four counts, so that no change at
    all has an interval, too. lost, won: pictures that were right in the first, or the second, alone.
    """
    if not count:
        return Estimate(math.nan, math.nan, math.nan)
    total, less, more = count + 2, lost + 0.5, won + 0.5
    middle = (more - less) / total
    half = float(ndtri(0.5 + LEVEL / 2)) * math.sqrt(less + more - (more - less) ** 2 / total) / total
    return Estimate((won - lost) / count, max(-1.0, middle - half), min(1.0, middle + half))


def mean_of(values: np.ndarray) -> Estimate:
    """Return a mean with its interval by Student's t; NaN ends for a single value, NaN of nothing."""
    return Estimate(float(values.mean()) if len(values) else math.nan, *student(values))
