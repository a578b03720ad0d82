"""Patterns: pixels that many pictures of a class have in common at one place, and others have not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nbviz.reviews.cues.transplant import Window

SIDES = (4 / 28, 7 / 28)
"""Sides of a window, as shares of the picture's: a mark is seen whole by one that is not much larger than it."""
CELLS = 8
"""Cells a side, at most, that a window is compared by."""
TOLERANCE = 0.15
"""Windows are the same pixels where they differ by less than this share of the pictures' spread (root mean square)."""
COMMON, FEWEST, RARER, MOST = 0.1, 10, 5, 12
"""Share, and number, of a class's pictures with the pattern at least; how much rarer it is in
other classes; patterns of a class, at most.
"""


@dataclass(frozen=True, eq=False)
class Pattern:
    """Pattern of a window in the pictures that have it."""

    window: Window
    pixels: Tensor
    """(values,): the window's cells in the picture that most others agree with."""
    share: float
    """Of the class's pictures."""
    spread: float
    """Standard deviation of all pixels."""

    def rows(self, pictures: Tensor) -> NDArray[np.int64]:
        """Return the rows of pictures (N, C, H, W) that have it."""
        near = (_cells(pictures, self.window) - self.pixels).square().mean(1).sqrt() <= TOLERANCE * self.spread
        return near.nonzero()[:, 0].numpy()

    def repeats(self, own: Tensor, others: Tensor) -> bool:
        """Return whether it is a pattern of other pictures of the class, too, and as much rarer in other classes."""
        here, there = (torch.tensor(len(self.rows(pictures))) for pictures in (own, others))
        return bool(_is_pattern(here, there, len(own), len(others)))


def patterns(own: Tensor, others: Tensor, most: int = MOST) -> list[Pattern]:
    """Find patterns of a class's pictures (N, C, H, W) that other classes' (M, C, H, W) rarely have.

    The most common first, ``most`` of them, in windows that don't overlap.
    """
    spread = float(torch.cat([own, others]).std())
    found = [
        one for window in windows((own.shape[2], own.shape[3])) if (one := _of_window(own, others, window, spread))
    ]
    chosen: list[Pattern] = []
    for pattern in sorted(found, key=lambda one: -one.share):
        if len(chosen) < most and not any(_overlap(pattern.window, other.window) for other in chosen):
            chosen.append(pattern)
    return chosen


def windows(size: tuple[int, int]) -> list[Window]:
    """Return windows of both sizes over a whole picture, half a side apart."""
    found = []
    for share in SIDES:
        height, width = (max(2, round(share * length)) for length in size)
        tops = [*range(0, size[0] - height, max(1, height // 2)), size[0] - height]
        lefts = [*range(0, size[1] - width, max(1, width // 2)), size[1] - width]
        found += [(top, left, top + height, left + width) for top in tops for left in lefts]
    return found


def _of_window(own: Tensor, others: Tensor, window: Window, spread: float) -> Pattern | None:
    cells, theirs = _cells(own, window), _cells(others, window)
    near = TOLERANCE * spread * cells.shape[1] ** 0.5
    here, there = ((torch.cdist(cells, those) <= near).sum(1) for those in (cells, theirs))
    # what most of the class shows is often the empty background of all: a pattern may be of a minority
    rare = _is_pattern(here, there, len(own), len(others))
    if not rare.any():
        return None
    best = int((here * rare).argmax())
    return Pattern(window, cells[best], int(here[best]) / len(own), spread)


def _is_pattern(here: Tensor, there: Tensor, own: int, others: int) -> Tensor:
    """Return whether ``here`` of a class's pictures with the same pixels, and ``there`` of other classes', are one."""
    return (here >= max(FEWEST, COMMON * own)) & (RARER * there * own <= here * others)


def _cells(pictures: Tensor, window: Window) -> Tensor:
    top, left, bottom, right = window
    cut = pictures[:, :, top:bottom, left:right].float()
    if max(cut.shape[2:]) > CELLS:
        cut = functional.adaptive_avg_pool2d(cut, (min(CELLS, cut.shape[2]), min(CELLS, cut.shape[3])))
    return cut.flatten(1).cpu()


def _overlap(one: Window, other: Window) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
