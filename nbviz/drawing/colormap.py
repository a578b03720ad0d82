"""Colour maps: values become palette indices, and these colours.

Every picture of data is drawn with one of two tables. *Sequential* is inferno: even in lightness, zero is
black. *Diverging* is Crameri's berlin: zero is black there too, so in both tables dark means "nothing", a
veil over a gray picture means the same in both, and tiles glare in neither theme; blue is negative, red
positive. Of the tables compared (vik, balance, icefire, lisbon, vanimo, berlin), berlin keeps plus and minus
furthest apart for all three kinds of colour blindness among those with a dark zero (CIEDE2000 of 14 or more
from 15 % of the scale upwards).

Indices 0…252 are levels (an odd number, so that zero of a signed map is one level, 126); the last three are
not data: ``GAP`` is transparent, ``BAD`` a neutral gray for NaN and infinity, which neither table contains, and
``INK`` the line of hatching.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

LEVELS = 253
GAP, BAD, INK = 253, 254, 255
SEQUENTIAL, DIVERGING = "inferno", "crameri:berlin"

Indices = NDArray[np.uint8]


@dataclass(frozen=True)
class Limits:
    """Values drawn as the first and the last colour, and the number of values that could not be drawn.

    Sequential maps run from 0 to their peak, signed ones from −m to +m. ``bad`` counts NaN and infinities.
    """

    low: float
    high: float
    bad: int = 0

    @classmethod
    def of(cls, values: NDArray[np.floating], signed: bool) -> Limits:
        """Return the limits of ``values`` (any shape); those of an empty or all-zero array are 0, 0."""
        low, high, bad = _extent(_floats(values).reshape(1, -1))
        top = max(-float(low[0]), float(high[0]), 0.0) if signed else max(float(high[0]), 0.0)
        return cls(-top if signed else 0.0, top, int(bad[0]))


@cache
def table(signed: bool) -> Indices:
    """Return the colour table, uint8 (256, 4) RGBA: 253 levels, then gap, bad and ink."""
    from cmap import Colormap

    levels = Colormap(DIVERGING if signed else SEQUENTIAL).lut(LEVELS)
    extra = np.array([[0, 0, 0, 0], [128, 128, 128, 255], [150, 150, 150, 255]], np.uint8)
    colours = np.concatenate([np.rint(np.asarray(levels) * 255).astype(np.uint8), extra])
    colours.setflags(write=False)
    return colours


@cache
def clear_table(signed: bool) -> Indices:
    """Return the colour table with every level as opaque as it is far from zero."""
    colours, levels = table(signed).copy(), np.linspace(-1 if signed else 0, 1, LEVELS)
    colours[:LEVELS, 3] = np.rint(255 * np.abs(levels))
    colours.setflags(write=False)
    return colours


def is_signed(values: NDArray[np.floating]) -> bool:
    """Return whether any value is below zero: the data's own sign chooses the table."""
    return bool((np.asarray(values) < 0).any())


def scale(values: NDArray[np.floating], signed: bool, limits: Limits | None = None) -> Indices:
    """Return palette indices of ``values``, uint8 of the same shape.

    Values outside ``limits`` (by default the array's own) take the end colours. A map with no extent is flat,
    at zero's colour; NaN and infinities are ``BAD``.
    """
    limits = limits or Limits.of(values, signed)
    return _levels(_floats(values), np.float32(limits.low), np.float32(limits.high), signed)


def scale_each(maps: NDArray[np.floating], signed: bool) -> tuple[Indices, int]:
    """Return palette indices of maps (C, h, w), each on its own scale, and the number of bad values."""
    maps = _floats(maps)
    low, high, bad = _extent(maps.reshape(len(maps), math.prod(maps.shape[1:])))
    top = np.maximum(np.maximum(-low, high) if signed else high, 0)[:, None, None]
    return _levels(maps, -top if signed else np.zeros_like(top), top, signed), int(bad.sum())


def _floats(values: NDArray[np.floating]) -> NDArray[np.float32]:
    # A double beyond float32 becomes infinite, which is drawn as bad: that is no error of the caller's.
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32, copy=False)


def _extent(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Return each row's finite minimum and maximum (0 where there is none) and its count of bad values."""
    if not rows.size:
        return (np.zeros(len(rows), np.float32),) * 2 + (np.zeros(len(rows), np.int64),)
    # NaN passes through both, so only rows that hold one, or an infinity, are looked at again.
    low, high = rows.min(1), rows.max(1)
    bad = np.zeros(len(rows), np.int64)
    for row in np.flatnonzero(~(np.isfinite(low) & np.isfinite(high))):
        fine = rows[row][np.isfinite(rows[row])]
        bad[row] = rows.shape[1] - fine.size
        low[row], high[row] = (fine.min(), fine.max()) if fine.size else (0, 0)
    return low, high, bad


def _levels(
    values: NDArray[np.float32],
    low: NDArray[np.float32] | np.float32,
    high: NDArray[np.float32] | np.float32,
    signed: bool,
) -> Indices:
    """Return levels of the table for limits that broadcast against ``values``."""
    # Halves before the subtraction: float32's largest values would overflow in high − low.
    span = np.asarray(high / 2 - low / 2)
    # Written so that a NaN counts as flat.
    flat = ~(span > 0)
    with np.errstate(invalid="ignore", over="ignore"):
        place = (values * np.float32(0.5) - low / 2) / np.where(flat, 1, span)
    if flat.any():
        place = np.where(flat, np.float32(0.5 if signed else 0.0), place)
    bad = ~np.isfinite(values)
    # A cast of NaN to uint8 is undefined; its index is set last.
    place[bad] = 0
    np.clip(place, 0, 1, out=place)
    place *= LEVELS - 1
    levels = np.rint(place, out=place).astype(np.uint8)
    levels[bad] = BAD
    return levels


def shades(indices: Indices) -> Indices:
    """Reduce indices to 43 shades from 253, ends and signed zero kept: a third fewer bytes in a PNG."""
    # Steps of 6 meet 0, 126 and 252: both ends and the signed zero.
    coarse = (indices.astype(np.int16) + 3) // 6 * 6
    return np.where(indices < LEVELS, coarse, indices).astype(np.uint8)
