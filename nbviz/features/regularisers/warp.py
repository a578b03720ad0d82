"""Regulariser by random shifts, magnifications and turns: one affine warp per picture and step.

A pattern that drives a channel only at one exact place and scale is an accident of the pixels; warped anew at every
step, a picture has to hold what drives the channel anyway.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from nbviz.features.regularisers.base import About, regulariser


@regulariser("warp")
def warp(
    steps: int,
    size: tuple[int, int],
    generator: torch.Generator,
    *,
    jitter: Annotated[float, About("Pixels a picture is shifted at random at each step, at most; 0 is off", 0)] = 0.0,
    scale: Annotated[float, About("Largest random magnification, and 1 over the smallest; 1 is off", 1)] = 1.0,
    rotate: Annotated[float, About("Degrees a picture is turned at random, at most; 0 is off", 0)] = 0.0,
) -> Tensor:
    """Shift, magnify and turn the picture at random before the network sees it."""
    drawn = torch.rand((4, steps), generator=generator, dtype=torch.float32, device="cpu")
    turn, zoom, down, right = 2 * drawn - 1
    # a power, so that magnifying and shrinking are equally likely
    angle, zoom = turn * math.radians(rotate), scale**-zoom
    height, width = size
    # affine_grid counts both axes from −1 to 1, whatever their length: a turn in pixels needs their ratio
    aspect = height / width
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    across = torch.stack([cos, -sin * aspect, 2 * jitter / width * right], dim=1)
    along = torch.stack([sin / aspect, cos, 2 * jitter / height * down], dim=1)
    return torch.stack([across, along], dim=1)
