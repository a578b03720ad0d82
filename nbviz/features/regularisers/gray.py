"""Regulariser towards mid-gray, the L2 penalty of made pictures."""

from __future__ import annotations

from torch import Tensor

from nbviz.features.regularisers.base import regulariser


@regulariser("penalty")
def gray(pictures: Tensor) -> Tensor:
    """Pull towards mid-gray (L2): the sum of squared distances to it."""
    return (pictures - 0.5).square().sum()
