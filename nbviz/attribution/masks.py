"""Masks that hide parts of a picture: sliding windows, coarse first, and RISE's random smooth masks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import EllipsisType

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Window:
    """Rectangle of pixels: rows top…bottom, columns left…right, ends left out."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def pixels(self) -> tuple[EllipsisType, slice, slice]:
        """Index into the last two axes of a picture or a map."""
        return ..., slice(self.top, self.bottom), slice(self.left, self.right)


def windows(size: tuple[int, int], window: int, stride: int) -> list[list[Window]]:
    """Return square windows every ``stride`` pixels over a picture (H, W), in passes from coarse to fine.

    The first pass covers the picture without more overlap than it needs; each further one halves the distance
    between windows; together they are every window once. Those at the lower and right edge are cut off there.
    """
    spans = [_spans(length, window, stride) for length in size]
    # a power of two, so that halving it ends at every window
    step = 2 ** int(math.log2(max(1, window // stride)))
    passes, places = [], set[tuple[int, int]]()
    while step:
        chosen = [_every(len(group), step) for group in spans]
        new = [(i, j) for i in chosen[0] for j in chosen[1] if (i, j) not in places]
        places |= set(new)
        corners = [zip(spans[0][i], spans[1][j], strict=True) for i, j in new]
        passes.append([Window(*first, *last) for first, last in corners])
        step //= 2
    return [group for group in passes if group]


def _spans(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    count = math.ceil(max(0, length - window) / stride) + 1
    return [(i * stride, min(i * stride + window, length)) for i in range(count)]


def _every(count: int, step: int) -> list[int]:
    return sorted({*range(0, count, step), count - 1})


def smooth_masks(
    size: tuple[int, int], cells: int, probability: float, seed: int, batch: int
) -> Iterator[torch.Tensor]:
    """Yield RISE's masks, (batch, H, W) at a time, without end: shares in 0…1 of what is kept of each pixel.

    A grid of cells × cells, each kept with ``probability``, enlarged bilinearly to one cell more than the
    picture and shifted by a random part of a cell.
    """
    generator = torch.Generator().manual_seed(seed)
    cell = [math.ceil(length / cells) for length in size]
    # one cell more than the picture, so that a shift never uncovers an edge
    large = [(cells + 1) * length for length in cell]
    while True:
        drawn = torch.rand(batch, 1, cells, cells, generator=generator, dtype=torch.float32, device="cpu")
        grid = (drawn < probability).to(drawn)
        wide = functional.interpolate(grid, size=large, mode="bilinear", align_corners=False)[:, 0]
        shifts = [torch.randint(length, (batch,), generator=generator, device="cpu").tolist() for length in cell]
        yield torch.stack(
            [mask[top : top + size[0], left : left + size[1]] for mask, top, left in zip(wide, *shifts, strict=True)]
        )
