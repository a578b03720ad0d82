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
    limits = evidence_limits(heat, made.signed, made.interpolated)
    return overlay(gray(seen), heat_rgba(heat, limits, made.signed), OPACITY)
