"""Pointing: whether the map's highest place lies on the object, where that is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from nbviz.errors import NbvizError
from nbviz.evaluation.base import Map
from nbviz.evaluation.registry import Case, measure
from nbviz.model.boxes import Box, components

TOLERANCE = 15
"""Pixels around the object that count as a hit, as Zhang et al. have it."""
THRESHOLD = 0.5
"""Share of the map's maximum from which on its box counts a pixel."""


@dataclass(frozen=True)
class Pointing:
    """Place a map points at, against the object's."""

    hit: float
    """1 where its highest place lies on the object or within the tolerance, 0 where not; the share among several
    equally high."""
    inside: float
    """Share of the map's positive evidence that lies on the object."""
    covered: float
    """Share of the picture that the object covers: what chance would give."""
    iou: float
    """Overlap of the map's box (its largest part above half the maximum) with the object's, 0…1."""


def pointing(
    judged: Map, truth: torch.Tensor | tuple[float, float, float, float], tolerance: int = TOLERANCE
) -> Pointing | None:
    """Play the pointing game (Zhang et al. 2016, arXiv:1608.00507), with the energy in the object and weakly supervised
    localisation (Zhou et al. 2016, arXiv:1512.04150); None for an empty map.

    truth: a mask (H, W) of the network's input, non-zero on the object, or a box (top, left, bottom, right) in its
    pixels, as ``Attribution.boxes`` and ``Example.box`` are. tolerance: pixels around the object
    that count as a hit.
    """
    mask = _mask(truth, judged.size)
    heat = judged.heat(judged.size).double().cpu().clamp(min=0)
    if not bool(torch.isfinite(heat).all()) or not bool(heat.any()):
        return None
    # several equally high places share the point: of a flat map chance decides, not the first pixel
    near = _grown(mask, tolerance)
    hit = float(near[heat == heat.max()].double().mean())
    inside, covered = float(heat[mask].sum() / heat.sum()), float(mask.double().mean())
    # the object's box, for localisation compares boxes: a mask would favour maps of its own shape
    rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
    box = Box(float(rows[0]), float(columns[0]), float(rows[-1]) + 1, float(columns[-1]) + 1)
    return Pointing(hit, inside, covered, components(heat, THRESHOLD)[0].iou(box))


def _mask(truth: torch.Tensor | tuple[float, float, float, float], size: tuple[int, int]) -> torch.Tensor:
    if isinstance(truth, tuple):
        mask = torch.from_numpy(Box(*truth).mask(size))
    else:
        mask = torch.as_tensor(truth, device="cpu") != 0
    if tuple(mask.shape) != tuple(size):
        raise NbvizError(f"The mask is {tuple(mask.shape)}; the network's input is {tuple(size)}.")
    if not bool(mask.any()):
        order = " A box is (top, left, bottom, right)." if isinstance(truth, tuple) else ""
        raise NbvizError(f"The object covers no pixel of the network's input {tuple(size)}: {truth!r:.80}.{order}")
    return mask


def _grown(mask: torch.Tensor, pixels: int) -> torch.Tensor:
    """Return the mask and all within so many pixels of it, along rows and columns."""
    wide = mask[None, None].double()
    return functional.max_pool2d(wide, 2 * pixels + 1, 1, pixels)[0, 0] > 0


@measure("pointing", needs_truth=True)
def _measure(case: Case) -> dict[str, float]:
    """Judge whether the map's highest place lies on the object, how much of it does, and how well its box fits."""
    result = pointing(case.map, case.truth)
    if result is None:
        return dict.fromkeys(("pointing", "inside", "iou"), math.nan)
    return {"pointing": result.hit, "inside": result.inside, "iou": result.iou}
