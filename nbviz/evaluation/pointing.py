"""Where the truth is known: does the map's highest place lie on the object?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from nbviz.evaluation.base import Map
from nbviz.tensors.errors import NbvizError

Box = tuple[float, float, float, float]
TOLERANCE = 15


@dataclass(frozen=True)
class Pointing:
    """What a map says of where the object is."""

    hit: float
    """1 where its highest place lies on the object or within the tolerance, 0 where not; the share among several
    equally high."""
    inside: float
    """Share of the map's positive evidence that lies on the object."""
    covered: float
    """Share of the picture that the object covers: what chance would give."""


def pointing(judged: Map, truth: torch.Tensor | Box, tolerance: int = TOLERANCE) -> Pointing | None:
    """The pointing game (Zhang et al. 2016, arXiv:1608.00507) and the energy in the object; None for an empty map.

    truth: a mask (H, W) of the network's input, non-zero on the object, or a box (left, top, right, bottom) in
    its pixels. tolerance: pixels around the object that count as a hit.
    """
    mask = _mask(truth, judged.size)
    heat = judged.heat(judged.size).double().cpu().clamp(min=0)
    if not bool(torch.isfinite(heat).all()) or not bool(heat.any()):
        return None
    near = _grown(mask, tolerance)
    hit = float(near[heat == heat.max()].double().mean())
    return Pointing(hit, float(heat[mask].sum() / heat.sum()), float(mask.double().mean()))


def _mask(truth: torch.Tensor | Box, size: tuple[int, int]) -> torch.Tensor:
    if isinstance(truth, tuple):
        left, top, right, bottom = truth
        rows, columns = (torch.arange(length) + 0.5 for length in size)
        mask = ((rows >= top) & (rows <= bottom))[:, None] & ((columns >= left) & (columns <= right))
    else:
        mask = torch.as_tensor(truth).cpu() != 0
    if tuple(mask.shape) != tuple(size):
        raise NbvizError(f"The mask is {tuple(mask.shape)}; the network's input is {tuple(size)}.")
    if not bool(mask.any()):
        raise NbvizError(f"The object covers no pixel of the network's input {tuple(size)}: {truth!r:.80}.")
    return mask


def _grown(mask: torch.Tensor, pixels: int) -> torch.Tensor:
    """The mask and all within so many pixels of it, along rows and columns."""
    wide = mask[None, None].double()
    return functional.max_pool2d(wide, 2 * pixels + 1, 1, pixels)[0, 0] > 0
