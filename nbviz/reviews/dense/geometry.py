"""Geometry of a preprocessing: which pixel of the picture lies under each place of the network's input.

Asked of the preprocessing itself: a picture whose colours are its columns and rows goes through, and a line is fitted
to what comes out. So a mask can be resized and cropped as its picture is, without a class being mixed with another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.preprocessing import Preprocessing

EDGE = 0.06
"""Share of a side that is left out of the fit: filters bend at edges."""
LEVELS = 2.5
"""Grey levels by which a place may differ from the line: two roundings, and a filter's own."""
SNAP = 0.004
"""Share by which a fitted scale may differ from one that is meant."""
KEPT = 256
"""Sizes of pictures remembered, the oldest forgotten first: there may be as many as pictures."""
OTHER = (
    "transform= does more than resize and crop (it pads, turns or mirrors), so masks and boxes in the picture's own "
    "pixels can't follow it: pass a data set whose items are (transform(picture), truth), the truth a mask as large as "
    "that tensor, or boxes in its pixels."
)


@dataclass(frozen=True, eq=False)
class Geometry:
    """Rows and columns of the picture under those of the input; −1 where the input shows none of it."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    down: tuple[float, float]
    """Pixel of the picture under the first row, and from one row to the next."""
    across: tuple[float, float]

    def boxes(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return boxes (n, 4) of the picture, left, top, right, bottom, in pixels of the input."""
        begin = np.array([self.across[0], self.down[0]] * 2)
        step = np.array([self.across[1], self.down[1]] * 2)
        return (boxes - 0.5 - begin) / step + 0.5  # whole numbers are edges here, and middles of pixels there

    def sampled(self, mask: NDArray[np.generic], outside: int) -> NDArray[np.generic]:
        """Return a mask (h, w) of the picture as (H, W) of the input, by its nearest pixel; ``outside`` beyond it."""
        seen = mask[self.rows[:, None], self.columns].copy()
        seen[self.rows < 0] = outside
        seen[:, self.columns < 0] = outside
        return seen


class Geometries:
    """Geometries of a preprocessing by the pictures' size; each is measured once."""

    def __init__(self, transform: Preprocessing) -> None:
        self._transform = transform
        self._known: dict[tuple[int, int], Geometry] = {}

    def of(self, size: tuple[int, int]) -> Geometry:
        """Return the geometry of pictures (height, width). Raises NbvizError where it is no resizing and cropping."""
        if size not in self._known:
            if len(self._known) >= KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[size] = measured(self._transform, size)
        return self._known[size]


def measured(transform: Preprocessing, size: tuple[int, int]) -> Geometry:
    """Measure a preprocessing on a picture (height, width)."""
    height, width = size
    # a picture whose colours are its rows, and one whose colours are its columns: what comes out says where each
    # place came from, whatever a preprocessing is made of
    ramps = np.repeat(_ramp(height)[:, None], width, 1), np.repeat(_ramp(width)[None], height, 0)
    pictures = [Image.fromarray(np.repeat(ramp[..., None], 3, 2)) for ramp in ramps]
    rows, columns = (transform.seen(transform(picture))[..., 0].astype(float) for picture in pictures)
    down = _line(rows.mean(1), rows.std(1), height)
    across = _line(columns.mean(0), columns.std(0), width)
    return Geometry(_nearest(*down, len(rows), height), _nearest(*across, columns.shape[1], width), down, across)


def _ramp(length: int) -> NDArray[np.uint8]:
    return np.rint(np.linspace(0, 255, length)).astype(np.uint8)


def _line(levels: NDArray[np.float64], spread: NDArray[np.float64], length: int) -> tuple[float, float]:
    """Return pixel under the first place and the step to the next, from the mean grey level there (0…255)."""
    count = len(levels)
    inner = slice(int(EDGE * count), max(int(EDGE * count) + 2, count - int(EDGE * count)))
    at, values = np.arange(count)[inner], levels[inner]
    if length < 2 or len(at) < 2:
        raise NbvizError("it is too small for its mask to follow transform=.")
    step, begin = np.polyfit(at, values, 1)
    off = np.abs(step * at + begin - values).max()
    # mirrored, turned or warped: a mask could follow only by its own transform, which nobody gave
    if step <= 0 or off > LEVELS + 255 / length or spread.max() > LEVELS:
        raise NbvizError(OTHER)
    scale = (length - 1) / 255
    return _snapped(step * scale, begin * scale, count, length)


def _snapped(step: float, begin: float, count: int, length: int) -> tuple[float, float]:
    """Return the line with a step that is nearly that of the whole side, or 1, and a middle taken as what they are."""
    middle = begin + step * (count - 1) / 2
    for meant in (1.0, length / count):
        if abs(step / meant - 1) < SNAP:
            step = meant
    off = middle - (length - 1) / 2
    if abs(off) < max(0.5, SNAP * length):  # resized, or cropped in the middle
        middle = (length - 1) / 2
    return middle - step * (count - 1) / 2, step


def _nearest(begin: float, step: float, count: int, length: int) -> NDArray[np.int64]:
    """Return the pixel that each place lies in; what lies on a border belongs to the one behind it."""
    places = np.floor(begin + step * np.arange(count) + 0.5 + 1e-9).astype(np.int64)
    return np.where((places >= 0) & (places < length), places, -1)
