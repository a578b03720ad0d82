"""Masks over a picture: classes that are said as colours, borders of the true ones as lines."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from nbviz.drawing.palette import colours
from nbviz.drawing.photos import Pixels, fitted

OPACITY = 0.55
LIGHT, DARK = (255, 255, 255), (0, 0, 0)


def mask_over(
    picture: Pixels,
    said: NDArray[np.integer],
    truth: NDArray[np.integer] | None,
    side: int,
    clear: Collection[int] = (),
) -> Pixels:
    """Draw masks (h, w) of classes over a picture (H, W, 3), its longer side ``side`` pixels.

    said: filled, in the palette's colour of its class. truth: its borders, white on black; None for none, and below 0
    where it is unknown. clear: classes that are not filled, such as the background.
    """
    base = np.asarray(fitted(picture, side)).astype(float)
    height, width = base.shape[:2]
    classes = nearest(said, height, width)
    table = colours().astype(float)
    filled = ~np.isin(classes, list(clear))
    base[filled] += OPACITY * (table[classes[filled] % len(table)] - base[filled])
    pixels = np.rint(base).astype(np.uint8)
    if truth is not None:
        inner, outer = borders(nearest(truth, height, width))
        pixels[outer], pixels[inner] = DARK, LIGHT
    return pixels


def nearest(mask: NDArray[np.integer], height: int, width: int) -> NDArray[np.integer]:
    """Return a mask (h, w) at another size, by its nearest pixel."""
    rows, columns = (
        (np.arange(count) * of) // count for count, of in ((height, mask.shape[0]), (width, mask.shape[1]))
    )
    return mask[rows[:, None], columns]


def borders(mask: NDArray[np.integer]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return pixels whose right or lower neighbour is of another class, and the pixels before them."""
    inner = np.zeros(mask.shape, bool)
    inner[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    inner[1:] |= mask[1:] != mask[:-1]
    outer = np.zeros(mask.shape, bool)
    outer[:, :-1] |= inner[:, 1:]
    outer[:-1] |= inner[1:]
    return inner, outer & ~inner
