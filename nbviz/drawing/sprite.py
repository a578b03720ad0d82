"""Sprites of miniatures: one square a layer, in one vertical strip.

Each is on its own scale: down the column a reader compares where evidence lies, not how much. No evidence is
blank, a layer without places is hatched, so that neither can be taken for a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbviz.drawing.colormap import BAD, GAP, INK, LEVELS, Indices, shades, table
from nbviz.drawing.png import png

SIDE = 22
Miniature = NDArray[np.floating] | Literal["no places"] | None


def sprite(miniatures: Sequence[Miniature], side: int = SIDE) -> bytes:
    """Draw n squares of ``side`` pixels as one palette PNG, the first on top.

    A miniature is a map (h, w), drawn from 0 to its peak (bilinear from a smaller map, area means from a
    larger one); None, or a map with nothing above zero is left blank; "no places" is hatched. A map with NaN
    or infinities is gray, whole: its parts can't be told apart after resizing.
    """
    strip = np.full((max(1, len(miniatures)), side, side), GAP, np.uint8)
    for cell, miniature in zip(strip, miniatures, strict=False):
        _draw(cell, miniature)
    return png(strip.reshape(-1, side), table(False))


def _draw(cell: Indices, miniature: Miniature) -> None:
    if miniature is None:
        return
    if isinstance(miniature, str):
        cell[_hatching(len(cell))] = INK
        return
    values = np.asarray(miniature, np.float32)
    peak = values.max(initial=0.0)
    if not np.isfinite(peak) or not np.isfinite(values.min(initial=0.0)):
        cell[...] = BAD
    elif peak > 0:
        # Before resizing, as a negative neighbour would darken a bilinear pixel.
        small = fit(np.maximum(values, 0), len(cell))
        # Averaging may leave nothing of a peak near the smallest number, and there is no dividing by zero.
        level = small / max(small.max(), np.finfo(np.float32).tiny) * (LEVELS - 1)
        cell[...] = shades(np.rint(level).astype(np.uint8))


def fit(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Resize a map (h, w) to a square: bilinear along an axis that grows, area means else."""
    image = Image.fromarray(np.ascontiguousarray(values))
    for size in ((side, image.height), (side, side)):
        grows = size[0] > image.width or size[1] > image.height
        if size != image.size:
            image = image.resize(size, Image.Resampling.BILINEAR if grows else Image.Resampling.BOX)
    return np.asarray(image)


def _hatching(side: int) -> NDArray[np.bool_]:
    place = np.arange(side)
    return (place[:, None] + place[None, :]) % 6 == 0
