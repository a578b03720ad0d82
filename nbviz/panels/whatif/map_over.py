"""Map over its picture, as the desks show it: in the colours, and to the limits, that the canvas has."""

from __future__ import annotations

import numpy as np

from nbviz.attribution import Attribution
from nbviz.attribution.figure import OPACITY
from nbviz.attribution.limits import evidence_limits
from nbviz.drawing.overlay import gray, heat_rgba, overlay


def map_over(made: Attribution, seen: np.ndarray) -> np.ndarray:
    """Return a map over its picture in gray, uint8 (H, W, 3). seen: the picture as the network sees it."""
    heat = made.heat((seen.shape[0], seen.shape[1])).double().cpu().numpy()
    return heat_over(heat, seen, made.signed, made.interpolated)


def heat_over(heat: np.ndarray, seen: np.ndarray, signed: bool, interpolated: bool) -> np.ndarray:
    """Return a heat (H, W) over a picture of its size in gray, as :func:`map_over` does a map."""
    limits = evidence_limits(heat, signed, interpolated)
    return overlay(gray(seen), heat_rgba(heat, limits, signed), OPACITY)
