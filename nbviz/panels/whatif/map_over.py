"""Map over its picture, as the desks show it: in the colours, and to the limits, that the canvas has."""

from __future__ import annotations

import numpy as np
from PIL import Image

from nbviz.attribution import Attribution
from nbviz.attribution.figure import OPACITY
from nbviz.attribution.limits import evidence_limits
from nbviz.drawing.overlay import gray, heat_rgba, overlay

LARGE = 448
"""Pixels of the longer side up to which small pictures are enlarged: about what a column shows, on a sharp display."""


def map_over(made: Attribution, seen: np.ndarray, enlarged: bool = False) -> np.ndarray:
    """Return a map over its picture in gray, uint8 (H, W, 3). seen: the picture as the network sees it.

    enlarged: small maps come a whole factor larger, for on the page their pixels would else run into one another.
    """
    heat = made.heat((seen.shape[0], seen.shape[1])).double().cpu().numpy()
    return heat_over(heat, seen, made.signed, made.interpolated, enlarged)


def heat_over(
    heat: np.ndarray, seen: np.ndarray, signed: bool, interpolated: bool, enlarged: bool = False
) -> np.ndarray:
    """Return a heat (H, W) over a picture of its size in gray, as :func:`map_over` does a map."""
    limits, backdrop = evidence_limits(heat, signed, interpolated), gray(seen)
    if enlarged and not interpolated:
        heat = large(heat)
        backdrop = np.asarray(Image.fromarray(backdrop).resize(heat.shape[::-1], Image.Resampling.BILINEAR))
    return overlay(backdrop, heat_rgba(heat, limits, signed), OPACITY)


def large(pixels: np.ndarray) -> np.ndarray:
    """Return pixels (H, W, …) as squares of a whole factor's side, where there are few of them."""
    factor = max(1, LARGE // max(pixels.shape[:2]))
    return pixels.repeat(factor, 0).repeat(factor, 1)
