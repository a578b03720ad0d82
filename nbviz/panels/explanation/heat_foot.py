"""Foot of the canvas: heat slider, colour bar with its limits, progress, facts, and the strip."""

from __future__ import annotations

from functools import cache
from typing import Any

import traitlets

from nbviz.drawing.overlay import colour_bar
from nbviz.panels.base.front import Front


class FootFront(Front):
    """Widget below the canvas; sends ``cancel``, ``retry``, ``method``. The slider sets a style variable."""

    opacity = traitlets.Float(0.55).tag(sync=True)
    """Of the heat over the picture, 0…1; the saved picture applies the same."""
    box = traitlets.Bool(False).tag(sync=True)
    """True if the evidence's box is drawn."""
    clear = traitlets.Bool(False).tag(sync=True)
    """True if only evidence is opaque: the picture stays as it is where there is none."""
    bar = traitlets.Bytes().tag(sync=True)
    """PNG of the colour table."""
    low = traitlets.Unicode().tag(sync=True)
    high = traitlets.Unicode().tag(sync=True)
    scale = traitlets.Unicode().tag(sync=True)
    """Meaning of the colours, for the bar's tooltip and for those who cannot see it."""
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Lines of runs of text: facts, or how far it is."""
    done = traitlets.Float(1.0).tag(sync=True)
    """0…1."""
    instead: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[name, title] of the methods that work where the chosen one was refused; sends ``method`` (name)."""
    caption = traitlets.Unicode().tag(sync=True)
    """The canvas as text."""


@cache
def bar(signed: bool) -> bytes:
    """Return a PNG of the colour table of maps with or without a sign."""
    return colour_bar(150, 11, signed)
