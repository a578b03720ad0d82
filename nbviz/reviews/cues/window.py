"""Windows: rectangles of a network's input that are put into other pictures, or taken away."""

from __future__ import annotations

from collections.abc import Sequence

Window = tuple[int, int, int, int]
"""(top, left, bottom, right) in pixels of the network's input; the last row and column are not in it."""


def overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    """Return whether two windows have a pixel in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def places(classes: Sequence[object], windows: Sequence[Window]) -> list[list[int]]:
    """Group rows, the first of each group leading: one class, and windows that share half of the smaller one's pixels.

    Maps of several groups of a class, and a pattern, often point at one place: that is one thing to judge, not four.
    """
    found: list[list[int]] = []
    for row, (name, window) in enumerate(zip(classes, windows, strict=True)):
        near = (group for group in found if classes[group[0]] == name and _one_place(windows[group[0]], window))
        group = next(near, None)
        found.append([row]) if group is None else group.append(row)
    return found


def _one_place(one: Window, other: Window) -> bool:
    tall, wide = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    # of the smaller one: a part of a mark is where the mark is
    smaller = min((bottom - top) * (right - left) for top, left, bottom, right in (one, other))
    return tall > 0 and wide > 0 and 2 * tall * wide >= smaller


def window_words(window: Sequence[int]) -> str:
    """Return a window in a phrase: ``"rows 0–3, columns 25–28"``."""
    return "rows {0}–{2}, columns {1}–{3}".format(*window)
