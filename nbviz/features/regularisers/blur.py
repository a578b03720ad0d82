"""Gaussian blur of the gradient, after Yosinski et al., Understanding Neural Networks Through Deep Visualization, 2015.

The gradient and not the picture: a picture that is blurred at every step fades, and its own detail is lost again and
again; a blurred gradient moves coarse structure first and leaves what is there.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from nbviz.features.regularisers.base import About, regulariser

# In standard deviations: what lies beyond is below a hundredth of the middle.
_REACH = 3


@regulariser("gradient")
def blur(
    gradient: Tensor, *, blur: Annotated[float, About("Standard deviation in pixels; 0 is off", 0)] = 0.0
) -> Tensor:
    """Blur the gradient, so that a picture moves in patches and not pixel by pixel."""
    for axis in (-1, -2):
        gradient = _along(gradient, axis, blur)
    return gradient


def _along(values: Tensor, axis: int, sigma: float) -> Tensor:
    """Smooth along rows, or columns; mirrored beyond the ends, where zeros would hold the border back."""
    length = values.shape[axis]
    reach = min(math.ceil(_REACH * sigma), length - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    rows = values.movedim(axis, -1)
    padded = functional.pad(rows.reshape(-1, 1, length), (reach, reach), mode="reflect")
    smooth = functional.conv1d(padded, (weights / weights.sum())[None, None])
    return smooth.view(rows.shape).movedim(-1, axis)
