"""Random shifts, magnifications and turns, one affine warp a picture a step.

A pattern that drives a channel only at one exact place and scale is an accident of the pixels; warped anew at
every step, a picture has to hold what drives the channel anyway. All warps of a picture are drawn ahead from
its own generator, so that it doesn't depend on which others are made beside it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from nbviz.features.recipe import Recipe


def draw_warps(recipe: Recipe, size: tuple[int, int], generator: torch.Generator) -> Tensor | None:
    """(steps, 2, 3) matrices as `affine_grid` takes them; None where every warp is switched off."""
    if not recipe.jitter and recipe.scale == 1 and not recipe.rotate:
        return None
    drawn = torch.rand((4, recipe.steps), generator=generator, dtype=torch.float32, device="cpu")
    turn, zoom, down, right = 2 * drawn - 1
    angle, zoom = turn * math.radians(recipe.rotate), recipe.scale**-zoom
    height, width = size
    aspect = height / width
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    across = torch.stack([cos, -sin * aspect, 2 * recipe.jitter / width * right], dim=1)
    along = torch.stack([sin / aspect, cos, 2 * recipe.jitter / height * down], dim=1)
    return torch.stack([across, along], dim=1)


def warped(pictures: Tensor, matrices: Tensor | None, size: tuple[int, int] | None = None) -> Tensor:
    """Pictures (N, C, H, W), each by its own matrix (N, 2, 3), at another (height, width) if one is given."""
    size = size or (pictures.shape[-2], pictures.shape[-1])
    if matrices is None:
        if size == tuple(pictures.shape[-2:]):
            return pictures
        return functional.interpolate(pictures, size=size, mode="bilinear", align_corners=False, antialias=True)
    grid = functional.affine_grid(matrices.to(pictures), [*pictures.shape[:2], *size], align_corners=False)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
