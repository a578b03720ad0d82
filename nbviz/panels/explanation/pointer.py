"""Pointer: the transparent layer over the canvas, and the text on the place a person points at."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.panels.base.front import Front


class PointerFront(Front):
    """Sends ``{"event": "point", "place": [row, column] | null, "pin": bool, "choose": bool}``, ``escape``, and
    ``{"event": "channel", "channel": n}``.

    Places are fractions of the picture in 0…1. The marker follows at once; the words come from Python.
    """

    scripts = ("pointer_zoom",)

    rows = traitlets.Int(224).tag(sync=True)
    columns = traitlets.Int(224).tag(sync=True)
    """Size of the picture in the network's pixels."""
    place = traitlets.Any(None).tag(sync=True)
    """Where the marker stands when nobody points: the pinned place as [row, column], or None."""
    tip = traitlets.Unicode().tag(sync=True)
    """Words on the place pointed at, or pinned."""
    top: traitlets.List[int] = traitlets.List(traitlets.Int()).tag(sync=True)
    """Channels of the layer that are strongest there; while the place is pinned, a click on one chooses it."""
    caption = traitlets.Unicode().tag(sync=True)
    """The picture as text."""
    choosing = traitlets.Bool(False).tag(sync=True)
    """True if a click chooses what is at the place, so that one elsewhere moves the pin; on the pin it releases."""
    outlines: traitlets.List[list[Any]] = traitlets.List().tag(sync=True)
    """[top, left, bottom, right as shares of the picture, "found" | "chosen" | "evidence", text] of each box."""
    lines = traitlets.Bytes().tag(sync=True)
    """PNG of borders, laid over the whole picture; empty for none."""
    photo = traitlets.Bytes().tag(sync=True)
    """JPEG of the picture in colour as the network sees it; shown while Space is held."""
