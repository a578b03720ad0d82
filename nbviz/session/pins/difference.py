"""Difference of two maps: raw where both measure the same, by rank where they don't.

Both are read as they are drawn. A coarse map says nothing between its places, so the finer one is averaged over the
places of the coarser before they are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from nbviz.evaluation.maps import ranks, spearman

Unit = tuple[object, ...]
"""Equal where values may be compared: what is measured, and how large a place is."""


@dataclass(frozen=True, eq=False)
class MapDifference:
    """Difference of two maps."""

    values: np.ndarray
    """(h, w) float64: in their unit where both have the same, else in per cent of rank."""
    raw: bool
    """True if values were subtracted as they are."""
    correlation: float | None
    """Spearman's, −1…1; None where one of the maps is flat."""


def difference(one: np.ndarray, other: np.ndarray, same_unit: bool) -> MapDifference:
    """Subtract two maps, both (h, w) over the same picture, of any two sizes.

    same_unit: whether their values mean the same; then they are subtracted as they are. Else each value becomes its
    rank among its map's values, in per cent from 0 (the lowest) to 100, ties sharing theirs: that needs no common
    unit, and one large value does not decide it.
    """
    first, second = _pooled(one, other)
    correlation = spearman(first, second)
    # ranks: gradients and relevances have no common unit, and one outlier would decide a difference of values
    if not same_unit:
        first, second = _percent(first), _percent(second)
    return MapDifference((first - second).numpy(), same_unit, correlation)


def _pooled(one: np.ndarray, other: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    maps = [torch.from_numpy(np.asarray(values, np.float64)) for values in (one, other)]
    rows, columns = (min(a, b) for a, b in zip(one.shape, other.shape, strict=True))
    pooled = [functional.adaptive_avg_pool2d(values[None], (rows, columns))[0] for values in maps]
    return pooled[0], pooled[1]


def _percent(values: torch.Tensor) -> torch.Tensor:
    count = values.numel()
    return (100 * (ranks(values) - 1) / max(1, count - 1)).reshape(values.shape)
