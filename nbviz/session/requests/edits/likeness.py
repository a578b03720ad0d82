"""Likeness of maps: the cosine of two, beside that of the same map laid elsewhere.

Heat is nowhere below zero, so any two maps have something in common: a cosine says nothing without the one that a map
reaches which knows nothing of the place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

ELSEWHERE = 20
"""Random places at which the map is laid for comparison."""


@dataclass(frozen=True)
class Likeness:
    """Cosine of the map that is foretold with the one that is measured, and its control."""

    cosine: float
    elsewhere: float
    """Mean cosine of the foretold map laid at random places, what leaves one edge entering at the other."""


def likeness(foretold: Tensor, measured: Tensor) -> Likeness | None:
    """Compare two maps (H, W); None where one is empty."""
    one, other = foretold.double(), measured.double()
    norms = float(torch.linalg.norm(one) * torch.linalg.norm(other))
    if not norms or not np.isfinite(norms):
        return None
    draw = np.random.default_rng(0)
    # from 1: laid at 0 it would be the map itself
    places = [tuple(int(draw.integers(1, max(2, length))) for length in one.shape) for _ in range(ELSEWHERE)]
    laid = [float((one.roll(place, (0, 1)) * other).sum()) / norms for place in places]
    return Likeness(float((one * other).sum()) / norms, float(np.mean(laid)))


def mean_likeness(several: list[Likeness]) -> Likeness | None:
    """Return the mean of both figures; None for none."""
    if not several:
        return None
    return Likeness(float(np.mean([one.cosine for one in several])), float(np.mean([one.elsewhere for one in several])))
