"""Regulariser towards flat surfaces: total variation."""

from __future__ import annotations

from torch import Tensor

from nbviz.features.regularisers.base import regulariser


@regulariser("penalty")
def total_variation(pictures: Tensor) -> Tensor:
    """Pull towards flat surfaces: the sum of absolute differences between neighbours."""
    return pictures.diff(dim=-1).abs().sum() + pictures.diff(dim=-2).abs().sum()
