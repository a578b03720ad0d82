"""Bootstrap over pictures: intervals of figures that are sums over pictures of counts that hang together.

Pixels of one picture, and its boxes, are not independent: an interval that takes them for so is far too short. Pictures
are drawn again with replacement, whole, and the figure is computed of each draw (Efron 1979, percentiles).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DRAWS, BLOCK = 1000, 2_000_000
"""Draws of all pictures; numbers held at once."""
LEAST = 10
"""Pictures below which an interval is not given: draws of a few pictures know none of the others."""
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Counts: TypeAlias = "Integers | Floats | csr_array"
"""Counts per picture, dense or sparse."""


def draws(pictures: int, count: int = DRAWS) -> Iterator[Floats]:
    """Yield how often each picture is drawn, (some draws, pictures), a block at a time; the same in every call."""
    rng, share = np.random.default_rng(0), np.full(pictures, 1 / pictures)
    # draws × pictures at once would be gigabytes for a million pictures
    size = max(1, BLOCK // pictures)
    for begun in range(0, count, size):
        yield rng.multinomial(pictures, share, min(size, count - begun)).astype(float)


def resampled(counts: Counts) -> Floats:
    """Return sums over drawn pictures of counts (pictures, k), dense or sparse: (draws, k)."""
    return np.concatenate([np.asarray((counts.T @ block.T).T) for block in draws(counts.shape[0])])


def mean_of_known(figures: Floats, axis: int) -> Floats:
    """Return means along an axis, NaN left out; NaN where nothing is known."""
    known = np.isfinite(figures)
    # not nanmean, which warns where nothing is known
    count = known.sum(axis)
    return np.where(count > 0, np.where(known, figures, 0.0).sum(axis) / np.maximum(count, 1), np.nan)


def interval(figures: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return ends of the figures of draws (draws, …), NaN left out: low and high (…)."""
    known = np.isfinite(figures)
    # columns without a number are put back below: nanquantile warns of them
    filled = np.where(known.any(0), figures, 0.0)
    low, high = np.nanquantile(filled, [(1 - level) / 2, (1 + level) / 2], axis=0)
    none = ~known.any(0)
    return np.where(none, np.nan, low), np.where(none, np.nan, high)


def ends(counts: Counts, figure: Callable[[Floats], Floats], enough: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the interval of ``figure`` of summed counts, NaN where there are not enough pictures.

    figure: (draws, k) → (draws, …). enough: (…) whether :data:`LEAST` pictures bear on each.
    """
    low, high = interval(figure(resampled(counts)))
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
