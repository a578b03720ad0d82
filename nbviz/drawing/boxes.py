"""Boxes over a picture: the true ones in white on black, those found in the palette's colour of their class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

from nbviz.drawing.palette import colours
from nbviz.drawing.photos import Pixels, fitted

Edges = NDArray[np.floating]


def boxes_over(picture: Pixels, found: Edges, labels: Sequence[int], truth: Edges, side: int) -> Pixels:
    """Draw boxes over a picture (H, W, 3), its longer side ``side`` pixels.

    found, truth: (n, 4), left, top, right, bottom in pixels of the picture. labels: class of each found one.
    """
    share, image = side / max(picture.shape[:2]), fitted(picture, side)
    pen, table = ImageDraw.Draw(image), colours()
    for box in truth:
        # a pixel of black to either side of the white, whatever lies under it
        _line(pen, box * share + (-1, -1, 1, 1), (0, 0, 0), 4, image.size)
        _line(pen, box * share, (255, 255, 255), 2, image.size)
    for box, label in zip(found, labels, strict=True):
        red, green, blue = (int(part) for part in table[label % len(table)])
        _line(pen, box * share, (red, green, blue), 2, image.size)
    return np.asarray(image)


def _line(pen: ImageDraw.ImageDraw, box: Edges, colour: tuple[int, int, int], wide: int, size: tuple[int, int]) -> None:
    left, right = (float(edge) for edge in np.clip(box[[0, 2]], 0, size[0] - 1))
    top, bottom = (float(edge) for edge in np.clip(box[[1, 3]], 0, size[1] - 1))
    pen.rectangle((left, top, max(left, right), max(top, bottom)), outline=colour, width=wide)
