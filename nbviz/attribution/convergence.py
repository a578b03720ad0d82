"""Convergence of an average over random draws: two halves of the draws, taken turn about, are compared.

The halves know nothing of each other, so what they differ in is chance, whatever the network. Maps are
compared at the resolution at which a person compares them, at most 28 × 28 cells.
"""

from __future__ import annotations

import torch
from torch.nn import functional

CELLS = 28


def cells(heat: torch.Tensor) -> torch.Tensor:
    """Average heat (H, W) to at most 28 × 28 cells."""
    size = [min(CELLS, length) for length in heat.shape]
    # on the CPU in double: Apple's devices have no double, and adaptive pooling there takes only sizes that divide
    return functional.adaptive_avg_pool2d(heat[None, None].double().cpu(), size)[0, 0]


def relative_error(one: torch.Tensor, other: torch.Tensor) -> float:
    """Estimate the relative L1 error of the mean of two halves; 0 where both vanish."""
    whole = float((one + other).abs().sum())
    return float((one - other).abs().sum()) / whole if whole else 0.0


def pattern_error(one: torch.Tensor, other: torch.Tensor) -> float:
    """Estimate how far the heat of a signed average (C, H, W) is from its limit's, as patterns; 0…1.

    ``one`` and ``other`` are the averages over the halves. Noise has a size even where the limit has none, so
    both halves may agree on a heat that is noise alike everywhere. What they share is their product: its sum
    over a cell is the limit's energy there, without bias. Half the L1 distance of the two patterns, each
    scaled to 1, is the share of the heat that lies where it does not belong.
    """
    shown, shared = (_root(part) for part in (((one + other) / 2).square(), one * other))
    if not shown.any():
        return 0.0
    # half, for what lies too much in one cell lies too little in another and would be counted twice
    return float((shown / shown.sum() - shared / shared.sum()).abs().sum()) / 2 if shared.any() else 1.0


def _root(energy: torch.Tensor) -> torch.Tensor:
    return cells(energy.sum(0)).clamp(min=0).sqrt()


def reliability(one: torch.Tensor, other: torch.Tensor) -> float:
    """Estimate the correlation of the whole with a repetition, from two halves (Spearman and Brown); 0…1.

    Where both halves are zero there is nothing to be unsure of: 1.
    """
    if not (one.any() or other.any()):
        return 1.0
    pair = torch.stack([one.flatten(), other.flatten()]).double().cpu()
    pair = pair - pair.mean(1, keepdim=True)
    norms = pair.norm(dim=1)
    if not bool((norms > 0).all()):
        return 0.0
    r = max(0.0, float(pair[0] @ pair[1] / norms.prod()))
    # the whole has twice the draws of a half, so it repeats better than the halves agree
    return 2 * r / (1 + r)
