"""Windows: rectangles of a network's input that are put into other pictures, or taken away."""

from __future__ import annotations

from collections.abc import Sequence

Window = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels of the network's input; the last row and column are not in it."""


def overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    """Return whether two windows have a pixel in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def window_words(window: Sequence[int]) -> str:
    """Return a window in a phrase: ``"rows 0–3, columns 25–28"``."""
    return "rows {0}–{2}, columns {1}–{3}".format(*window)
