"""Heat drawn over a picture: arrays in, uint8 pixels or PNG bytes out.

Heat lies over the picture in gray at one constant opacity, so that colour always means evidence: where there
is none the veil is dark, where there is much it glows. Which limits a colour stands for is data (``Limits``)
and goes with the picture, so that a bar can print it.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbviz.drawing.colormap import BAD, GAP, INK, LEVELS, Limits, clear_table, is_signed, scale, scale_each, table
from nbviz.drawing.mosaic import Mosaic, bars, filters_mosaic, mosaic, shrink
from nbviz.drawing.photos import jpeg, photo_mosaic
from nbviz.drawing.png import Pixels, data_url, png, to_image
from nbviz.drawing.sprite import Miniature, sprite

__all__ = [
    "BAD",
    "GAP",
    "INK",
    "LEVELS",
    "Limits",
    "Miniature",
    "Mosaic",
    "Pixels",
    "backdrop",
    "bars",
    "colour_bar",
    "data_url",
    "filters_mosaic",
    "gray",
    "heat_rgba",
    "is_signed",
    "jpeg",
    "mosaic",
    "overlay",
    "photo_mosaic",
    "png",
    "scale",
    "scale_each",
    "shrink",
    "sprite",
    "table",
    "to_image",
]

BACKDROP = 256
"""Pixels of the longer side of a picture that lies under a map."""


def gray(picture: Pixels) -> Pixels:
    """Return a picture, uint8 (H, W, 3) or (H, W), in gray: uint8 (H, W, 4), opaque (ITU-R 601 luma)."""
    colours = picture if picture.ndim == 3 else picture[..., None]
    weights = np.array([0.299, 0.587, 0.114] if colours.shape[-1] >= 3 else [1.0], np.float32)
    luma = np.rint(colours[..., : len(weights)] @ weights).astype(np.uint8)
    return np.stack([luma, luma, luma, np.full_like(luma, 255)], axis=-1)


def backdrop(picture: Pixels) -> bytes:
    """Return a picture, uint8 (H, W, 3), in gray as JPEG bytes, its longer side at most 256 pixels."""
    image = Image.fromarray(gray(picture)[..., 0])
    # Keeps the proportions, and never enlarges.
    image.thumbnail((BACKDROP, BACKDROP))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def heat_rgba(
    heat: NDArray[np.floating], limits: Limits | None, signed: bool, floor: float = 0.0, clear: bool = False
) -> Pixels:
    """Return heat (H, W) as opaque uint8 (H, W, 4): the opacity belongs to whoever lays it over a picture.

    ``floor``, a share of the limits from 0 to 1, leaves values closer to zero than that clear; 0 keeps the
    veil whole. ``clear`` makes every pixel as opaque as its value is large: without evidence the picture stays.
    """
    limits = limits or Limits.of(heat, signed)
    pixels = (clear_table if clear else table)(signed)[scale(heat, signed, limits)]
    if floor > 0:
        # A NaN is not near zero: it stays drawn, as bad.
        with np.errstate(invalid="ignore"):
            near = np.abs(heat) < floor * max(abs(limits.low), abs(limits.high))
        pixels[near, 3] = 0
    return pixels


def faded(rgba: Pixels, opacity: float) -> Pixels:
    """Return heat (H, W, 4) at an opacity from 0 to 1."""
    veil = rgba.copy()
    veil[..., 3] = np.rint(veil[..., 3] * min(max(opacity, 0.0), 1.0))
    return veil


def overlay(picture: Pixels, rgba: Pixels, opacity: float) -> Pixels:
    """Lay ``rgba`` (H, W, 4) over ``picture`` (H, W, 3 or 4) with an opacity from 0 to 1: uint8 (H, W, 3).

    The same sum a browser makes of two stacked canvases. Unequal sizes are a ValueError.
    """
    if picture.shape[:2] != rgba.shape[:2]:
        raise ValueError(f"heat of {rgba.shape[:2]} can't lie over a picture of {picture.shape[:2]}")
    alpha = rgba[..., 3:].astype(np.float32) * (min(max(opacity, 0.0), 1.0) / 255)
    mixed = rgba[..., :3] * alpha + picture[..., :3] * (1 - alpha)
    return np.rint(mixed).astype(np.uint8)


def colour_bar(width: int, height: int, signed: bool) -> bytes:
    """Draw the colour table from its low end (left) to its high end as a PNG of ``width`` × ``height`` pixels."""
    ramp = np.rint(np.linspace(0, LEVELS - 1, width)).astype(np.uint8)
    return png(np.repeat(ramp[None], height, axis=0), table(signed))
