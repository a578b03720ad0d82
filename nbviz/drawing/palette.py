"""A palette of twelve colours for things without an order, chosen for colour-blind readers too.

The first seven are Okabe and Ito's (Color Universal Design, 2008), without black; beyond them come those of Tol's
muted scheme that are furthest from these. No table keeps twelve colours apart for everybody, so whoever draws with
them gives each thing a letter too.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_OKABE_ITO = ("orange", "sky blue", "green", "yellow", "blue", "vermilion", "pink")
_TOL_MUTED = {"wine": 7, "olive": 4, "indigo": 0, "mint": 2, "sand": 5}
NAMES = (*_OKABE_ITO, *_TOL_MUTED)
"""Of the colours, in order."""


@cache
def colours() -> NDArray[np.uint8]:
    """Return the palette as RGB, uint8 (12, 3), in the order of :data:`NAMES`."""
    from cmap import Colormap

    # Its first is black, which here is where there is nothing.
    first = [stop.color.rgba8[:3] for stop in Colormap("okabeito").color_stops][1:]
    muted = [stop.color.rgba8[:3] for stop in Colormap("tol:muted").color_stops]
    table = np.array([*first, *(muted[at] for at in _TOL_MUTED.values())], np.uint8)
    table.setflags(write=False)
    return table


def hexed(place: int) -> str:
    """Write a colour as ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colours()[place])


def laid(maps: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Draw maps (k, h, w), 0 or above, as one picture, uint8 (h, w, 3): each place in the colour of its strongest map.

    As bright as that is strong relative to the strongest of all; black where there is nothing.
    """
    top = maps.max(0)
    # The fourth power leaves the strongest map's colour nearly alone, and mixes where two are equal.
    weight = np.power(maps / np.where(top > 0, top, 1), 4)
    hue = np.einsum("khw,kc->hwc", weight, colours()[: len(maps)]) / np.maximum(weight.sum(0), 1)[..., None]
    return np.rint(hue * _bright(top)[..., None]).astype(np.uint8)


def alone(one: NDArray[np.floating], place: int) -> NDArray[np.uint8]:
    """Draw one map (h, w), 0 or above, from black to its colour at its peak, uint8 (h, w, 3)."""
    return np.rint(colours()[place] * _bright(one)[..., None]).astype(np.uint8)


def _bright(values: NDArray[np.floating]) -> NDArray[np.floating]:
    # a square root, so that what is half as strong is not lost over a dark picture
    return np.sqrt(values / (float(values.max(initial=0)) or 1.0))
