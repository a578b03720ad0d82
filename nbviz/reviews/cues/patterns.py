"""Patterns: pixels that many pictures of a class have in common at one place, and others have not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nbviz.reviews.cues.transplant import lattice
from nbviz.reviews.cues.window import Window, overlap

SIDES = (4 / 28, 7 / 28)
"""Sides of a window, as shares of the picture's: a mark is seen whole by one that is not much larger than it, and a
larger mark in part, from which the window grows.
"""
STEP, ALIKE, ROOM = 1 / 28, 0.8, 3
"""Step that a window grows by, as a share of the picture's side; share of the pictures with a pattern that show the
same pixels there, too; windows of its size that it leaves room for, at least, to be compared with.
"""
CELLS = 8
"""Cells a side, at most, that a window is compared by."""
TOLERANCE = 0.15
"""Windows are the same pixels where they differ by less than this share of the pictures' spread (root mean square)."""
BACKGROUND = 0.25
"""Share of all pixels from which on their commonest value is a background."""
COMMON, FEWEST, RARER, MOST = 0.1, 10, 5, 12
"""Share, and number, of a class's pictures with the pattern at least; how much rarer it is in
other classes; patterns of a class, at most.
"""


@dataclass(frozen=True, eq=False)
class Pattern:
    """Pattern of a window in the pictures that have it."""

    window: Window
    picture: Tensor
    """(1, C, H, W): the picture that most others agree with in the window."""
    share: float
    """Of the class's pictures."""
    spread: float
    """Standard deviation of all pixels."""
    empty: Tensor
    """(1, C, 1, 1): the background, NaN where there is none."""

    def rows(self, pictures: Tensor) -> NDArray[np.int64]:
        """Return the rows of pictures (N, C, H, W) that have it."""
        return self._matches(pictures, self.window).nonzero()[:, 0].numpy()

    def _matches(self, pictures: Tensor, window: Window) -> Tensor:
        difference = _cells(pictures, window) - _cells(self.picture, window)
        return difference.square().mean(1).sqrt() <= TOLERANCE * self.spread

    def is_empty(self, window: Window) -> bool:
        """Return whether a window shows nothing but background."""
        top, left, bottom, right = window
        shown = self.picture[:, :, top:bottom, left:right] - self.empty
        # twice the tolerance: nearer, what is the same pixels as this window may be the background itself
        return float(shown.square().mean().sqrt()) <= 2 * TOLERANCE * self.spread  # False beside NaN

    def goes_on(self, own: Tensor, others: Tensor, strip: Window) -> bool:
        """Return whether most pictures of the class that have it have a pattern of theirs in a strip beside it, too.

        An empty strip is none: where a class's own shape leaves room, emptiness is common in it and rare elsewhere.
        """
        if self.is_empty(strip):
            return False
        here, there = self._matches(own[self.rows(own)], strip), self._matches(others, strip)
        return bool(here.float().mean() >= ALIKE and _is_pattern(here.sum(), there.sum(), len(own), len(others)))

    def repeats(self, own: Tensor, others: Tensor) -> bool:
        """Return whether it is a pattern of other pictures of the class, too, and as much rarer in other classes."""
        here, there = (torch.tensor(len(self.rows(pictures))) for pictures in (own, others))
        return bool(_is_pattern(here, there, len(own), len(others)))


def patterns(own: Tensor, others: Tensor) -> list[Pattern]:
    """Find patterns of a class's pictures (N, C, H, W) that other classes' (M, C, H, W) rarely have.

    The most common first, at most twelve, in windows that don't overlap. Windows that show nothing but background are
    left out: the gap between straps is common in sandals, rare elsewhere, and no mark.
    """
    size = own.shape[2], own.shape[3]
    every = torch.cat([own, others])
    spread, empty = float(every.std()), _background(every)
    found = (_of_window(own, others, window, spread, empty) for window in windows(size))
    shown = [one for one in found if one is not None and not one.is_empty(one.window)]
    chosen: list[Pattern] = []

    def free(pattern: Pattern) -> bool:
        return not any(overlap(pattern.window, other.window) for other in chosen)

    for pattern in sorted(shown, key=lambda one: -one.share):
        if len(chosen) < MOST and free(pattern) and free(whole := _grown(pattern, own, others)):
            chosen.append(whole)
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


def _background(pictures: Tensor) -> Tensor:
    """Return the commonest value of the pixels of (N, C, H, W) per channel, (1, C, 1, 1); NaN where it is not common.

    Values count to the tolerance. Photographs have no background of one value, and a black mark in them is a pattern.
    """
    step = max(1e-12, TOLERANCE * float(pictures.std()))
    few = pictures[:, :, :: max(1, pictures.shape[2] // 28), :: max(1, pictures.shape[3] // 28)].float()
    levels = (few / step).round().transpose(0, 1).flatten(1)
    commonest = levels.mode(1).values
    share = (levels == commonest[:, None]).all(0).float().mean()
    return (commonest * step if share >= BACKGROUND else torch.full_like(commonest, torch.nan)).view(1, -1, 1, 1)


def _of_window(own: Tensor, others: Tensor, window: Window, spread: float, empty: Tensor) -> Pattern | None:
    cells, theirs = _cells(own, window), _cells(others, window)
    # cdist sums squares where the tolerance is of their mean
    near = TOLERANCE * spread * cells.shape[1] ** 0.5
    # every picture as a candidate, not a mean: a mark is the same pixels again, and a mean blurs it with the rest
    here, there = ((torch.cdist(cells, those) <= near).sum(1) for those in (cells, theirs))
    # what most of the class shows is often the empty background of all: a pattern may be of a minority
    rare = _is_pattern(here, there, len(own), len(others))
    if not rare.any():
        return None
    best = int((here * rare).argmax())
    return Pattern(window, own[best : best + 1], int(here[best]) / len(own), spread, empty)


def _grown(pattern: Pattern, own: Tensor, others: Tensor) -> Pattern:
    """Widen a pattern's window, step by step, as far as its pictures share pixels and controls have room."""
    while True:
        wider = (_wider(pattern.window, edge, (own.shape[2], own.shape[3])) for edge in range(4))
        window = next((wide for wide, strip in filter(None, wider) if pattern.goes_on(own, others, strip)), None)
        if window is None:
            return replace(pattern, share=len(pattern.rows(own)) / len(own))
        pattern = replace(pattern, window=window)


def _wider(window: Window, edge: int, size: tuple[int, int]) -> tuple[Window, Window] | None:
    """Return a window that is one step wider over an edge (0 top, 1 left, 2 bottom, 3 right), and the strip added."""
    axis, step = edge % 2, max(1, round(STEP * size[edge % 2]))
    end = max(0, window[edge] - step) if edge < 2 else min(size[axis], window[edge] + step)
    wide, strip = [*window], [*window]
    wide[edge] = strip[edge] = end
    strip[edge - 2] = window[edge]
    widened = wide[0], wide[1], wide[2], wide[3]
    if end == window[edge] or len(lattice(widened, size)) < ROOM:
        return None
    return widened, (strip[0], strip[1], strip[2], strip[3])


def _is_pattern(here: Tensor, there: Tensor, own: int, others: int) -> Tensor:
    """Return whether ``here`` of a class's pictures with the same pixels, and ``there`` of other classes', are one."""
    return (here >= max(FEWEST, COMMON * own)) & (RARER * there * own <= here * others)


def _cells(pictures: Tensor, window: Window) -> Tensor:
    top, left, bottom, right = window
    cut = pictures[:, :, top:bottom, left:right].float()
    if max(cut.shape[2:]) > CELLS:
        # as many numbers for a window of any size: what counts is the mark, not the pixels it is drawn in
        cut = functional.adaptive_avg_pool2d(cut, (min(CELLS, cut.shape[2]), min(CELLS, cut.shape[3])))
    return cut.flatten(1).cpu()
