"""A page of channels as one picture: maps, kernels or bars, tile beside tile.

Tiles of one mosaic have one size, so a front end can find a channel by arithmetic. Small maps stay at their
own resolution (the browser enlarges them without smoothing); large ones are averaged down by a whole factor,
so that no pixel is dropped and none is invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nbviz.drawing.colormap import GAP, LEVELS, Indices, Limits, scale, scale_each, shades, table
from nbviz.drawing.png import png

LARGEST_TILE = 56
"""Pixels a side: twice what a tile takes on screen, enough for a sharp display."""
LEAN = 50_000
"""Pixels of a page from which it is drawn in fewer shades."""
KERNELS = 64
"""Kernels drawn of one filter: those with the largest norm."""


@dataclass(frozen=True)
class Mosaic:
    """One picture and where its tiles are; tile i is at row i // columns, column i % columns.

    ``data`` are the bytes of a file of type ``kind``. ``limits`` are those of all tiles where they share a scale,
    else None; ``bad`` counts values that are not finite.
    """

    data: bytes
    columns: int
    rows: int
    tile_height: int
    tile_width: int
    gap: int
    limits: Limits | None
    bad: int
    kind: str = "image/png"


def mosaic(
    maps: NDArray[np.floating],
    columns: int,
    *,
    signed: bool,
    shared: bool = False,
    order: Sequence[int] | None = None,
    tile_px: int | None = None,
    gap: int = 0,
    limits: Limits | None = None,
) -> Mosaic:
    """Draw maps (C, h, w) as one palette picture.

    ``order`` lists the channels to draw, first tile first (all, where it is None). ``tile_px`` bounds a tile's
    longer side (default 56). ``shared`` puts all tiles on one scale: ``limits``, where given (those of a whole
    layer, say), else those of the tiles drawn. Otherwise each map has its own.
    """
    chosen = maps if order is None else maps[np.asarray(order, dtype=np.intp)]
    chosen = shrink(np.asarray(chosen, np.float32), tile_px or LARGEST_TILE)
    if shared:
        limits = limits or Limits.of(chosen, signed)
        return _page(_lean(scale(chosen, signed, limits)), columns, gap, signed, limits, limits.bad)
    tiles, bad = scale_each(chosen, signed)
    return _page(_lean(tiles), columns, gap, signed, None, bad)


def _lean(tiles: Indices) -> Indices:
    """Draw large pages in fewer shades: no eye tells them apart in a tile, and a third fewer bytes are sent."""
    return tiles if tiles.size < LEAN else shades(tiles)


def filters_mosaic(
    weights: NDArray[np.floating],
    columns: int,
    *,
    order: Sequence[int] | None = None,
    gap: int = 0,
) -> Mosaic:
    """Draw the filters of a layer, (out, in, kh, kw) or (out, in) of a linear one: one tile per filter, own scales.

    Three input channels are RGB around middle gray; otherwise a tile is a square
    grid of the filter's kernels, signed, at most the 64 with the largest norm, in their own order. A further
    axis is a ValueError.
    """
    kernels = _kernels(weights)
    kernels = kernels if order is None else kernels[np.asarray(order, dtype=np.intp)]
    if kernels.shape[1] == 3:
        return _rgb_page(kernels, columns, gap)
    kernels = _strongest(kernels)
    indices, bad = scale_each(kernels.reshape(len(kernels), -1, kernels.shape[-1]), signed=True)
    return _page(_kernel_grids(indices.reshape(kernels.shape)), columns, gap, True, None, bad)


def bars(
    vector: NDArray[np.floating],
    columns: int,
    *,
    signed: bool,
    order: Sequence[int] | None = None,
    tile_px: int = 28,
    gap: int = 0,
    limits: Limits | None = None,
) -> Mosaic:
    """Draw a vector (C,) as one bar per tile, on one scale: up from the ground, or from the middle where signed.

    Height and colour both say the value. A value that is not finite fills its tile with gray.
    """
    values = np.asarray(vector, np.float32)
    values = values if order is None else values[np.asarray(order, dtype=np.intp)]
    limits = limits or Limits.of(values, signed)
    indices = scale(values, signed, limits)
    zero = (LEVELS - 1) // 2 if signed else 0
    height = (np.where(indices < LEVELS, indices, LEVELS - 1).astype(np.float32) - zero) / (LEVELS - 1)
    ground = tile_px // 2 if signed else tile_px
    top = np.rint(ground - height * tile_px)
    line = np.arange(tile_px)[None, :]
    filled = (line >= np.minimum(top, ground)[:, None]) & (line < np.maximum(top, ground)[:, None])
    filled |= (indices >= LEVELS)[:, None]
    column = np.where(filled, indices[:, None], zero).astype(np.uint8)
    tiles = np.repeat(column[:, :, None], tile_px, axis=2)
    side = max(1, tile_px // 5)
    tiles[:, :, :side] = tiles[:, :, -side:] = zero
    return _page(tiles, columns, gap, signed, limits, limits.bad)


def shrink(maps: NDArray[np.float32], longest: int) -> NDArray[np.float32]:
    """Average maps (C, h, w) down by the smallest whole factor that leaves sides of ``longest`` at most."""
    factor = -(-max(maps.shape[1:], default=1) // longest)
    if factor <= 1:
        return maps
    for axis in (1, 2):
        starts = np.arange(0, maps.shape[axis], factor)
        # The last stripe may be narrower: it is divided by its own width.
        sums = np.add.reduceat(maps, starts, axis=axis)
        counts = np.diff([*starts, maps.shape[axis]]).astype(np.float32)
        maps = (sums / (counts[:, None] if axis == 1 else counts)).astype(np.float32)
    return maps


def _kernels(weights: NDArray[np.floating]) -> NDArray[np.float32]:
    kernels = np.asarray(weights, np.float32)
    if kernels.ndim not in (2, 3, 4):
        raise ValueError(f"filters have 2 to 4 axes (out, in, height, width), these have {kernels.shape}")
    height, width = (1, 1, *kernels.shape[2:])[-2:]
    return kernels.reshape(*kernels.shape[:2], height, width)


def _bad(values: NDArray[np.float32]) -> int:
    return int(values.size - np.isfinite(values).sum())


def _strongest(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return at most 64 kernels of each filter: those with the largest norm, in their own order."""
    if kernels.shape[1] <= KERNELS:
        return kernels
    norm = np.nan_to_num(np.square(kernels).sum((2, 3)))
    keep = np.sort(np.argpartition(-norm, KERNELS, axis=1)[:, :KERNELS], axis=1)
    return np.take_along_axis(kernels, keep[:, :, None, None], axis=1)


def _kernel_grids(kernels: Indices) -> Indices:
    """Return one tile per filter: its kernels (out, in, kh, kw) in a square grid, a clear line between them."""
    out, inputs, height, width = kernels.shape
    side = int(np.ceil(np.sqrt(inputs)))
    lines = -(-inputs // side)
    # Between kernels of one pixel the lines would take three quarters of a tile.
    line = 1 if max(height, width) > 1 else 0
    grid = np.full((out, lines * side, height + line, width + line), GAP, np.uint8)
    grid[:, :inputs, :height, :width] = kernels
    grid = grid.reshape(out, lines, side, height + line, width + line).transpose(0, 1, 3, 2, 4)
    grid = grid.reshape(out, lines * (height + line), side * (width + line))
    return grid[:, : grid.shape[1] - line, : grid.shape[2] - line]


def _rgb_page(kernels: NDArray[np.float32], columns: int, gap: int) -> Mosaic:
    fine = np.where(np.isfinite(kernels), kernels, 0)
    top = np.abs(fine).max(axis=(1, 2, 3), keepdims=True)
    # By the filter's own peak, so that zero is the middle gray in all three channels.
    pixels = np.rint(127.5 + 127.5 * fine / np.where(top > 0, top, 1)).astype(np.uint8)
    rgba = np.concatenate([pixels, np.full_like(pixels[:, :1], 255)], 1).transpose(0, 2, 3, 1)
    sheet = _lay(rgba, columns, gap, np.zeros(4, np.uint8))
    return _result(png(sheet), rgba, columns, gap, None, _bad(kernels))


def _page(tiles: Indices, columns: int, gap: int, signed: bool, limits: Limits | None, bad: int) -> Mosaic:
    sheet = _lay(tiles, columns, gap, np.uint8(GAP))
    return _result(png(sheet, table(signed)), tiles, columns, gap, limits, bad)


def _lay(tiles: Indices, columns: int, gap: int, empty: Indices | np.uint8) -> Indices:
    """Return tiles (C, h, w[, 4]) laid out in rows, ``empty`` between them and after the last."""
    count, height, width = tiles.shape[:3]
    rows = max(1, -(-count // columns))
    cells = np.empty((rows * columns, height + gap, width + gap, *tiles.shape[3:]), np.uint8)
    cells[...] = empty
    cells[:count, :height, :width] = tiles
    cells = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    sheet = cells.reshape(rows * (height + gap), columns * (width + gap), *tiles.shape[3:])
    return sheet[: sheet.shape[0] - gap, : sheet.shape[1] - gap]


def _result(data: bytes, tiles: Indices, columns: int, gap: int, limits: Limits | None, bad: int) -> Mosaic:
    rows = max(1, -(-len(tiles) // columns))
    return Mosaic(data, columns, rows, tiles.shape[1], tiles.shape[2], gap, limits, bad)
