"""Warps of made pictures: drawn ahead of the first step, and applied at each.

All warps of a picture are drawn from its own generator, so that it doesn't depend on which others are made beside it.
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from nbviz.features.recipe import Recipe


def draw_warps(recipe: Recipe, size: tuple[int, int], generator: torch.Generator) -> Tensor | None:
    """Draw matrices (steps, 2, 3) as ``affine_grid`` takes them; None where every warp is switched off."""
    drawn = [run(recipe.steps, size, generator, **options) for run, options in recipe.acting("warp")]
    return reduce(_composed, drawn) if drawn else None


def _composed(first: Tensor, second: Tensor) -> Tensor:
    """Compose both warps to one: (steps, 2, 3)."""
    bottom = first.new_tensor([0.0, 0.0, 1.0]).expand(len(first), 1, 3)
    return first @ torch.cat([second, bottom], dim=1)


def warped(pictures: Tensor, matrices: Tensor | None, size: tuple[int, int] | None = None) -> Tensor:
    """Warp pictures (N, C, H, W), each by its own matrix (N, 2, 3), to another (height, width) if one is given."""
    size = size or (pictures.shape[-2], pictures.shape[-1])
    if matrices is None:
        if size == tuple(pictures.shape[-2:]):
            return pictures
        # antialias, or the fine pattern that is left out folds back as a coarse one
        return functional.interpolate(pictures, size=size, mode="bilinear", align_corners=False, antialias=True)
    grid = functional.affine_grid(matrices.to(pictures), [*pictures.shape[:2], *size], align_corners=False)
    # mirrored beyond the edge: a black border would be a shape that the network answers to
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
