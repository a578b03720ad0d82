"""Two canvases, one over the other: the picture in gray, and heat whose opacity the browser sets alone.

Pixels are kept, because a canvas is blank again after a page reload. uint8 RGBA only: anything else would
arrive as lossy JPEG or as black.
"""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
from ipycanvas import Canvas, hold_canvas

from nbviz.panels.panel import LOCK


class HeatCanvas:
    """``view`` is the stack; ``draw`` paints both layers."""

    def __init__(self, *over: ipywidgets.Widget) -> None:
        self.picture: np.ndarray | None = None
        self.heat: np.ndarray | None = None
        self._lower, self._upper = _canvas("nbviz-picture"), _canvas("nbviz-heat")
        self.view = ipywidgets.Box([self._lower, self._upper, *over], _dom_classes=["nbviz-stack"])
        self._lower.on_client_ready(self.redraw)
        self._upper.on_client_ready(self.redraw)

    def draw(self, picture: np.ndarray | None, heat: np.ndarray | None, smooth: bool = False) -> None:
        """Paint. picture, heat: uint8 (H, W, 4), or None for nothing; sizes may differ, the stylesheet
        stretches both alike. smooth: whether the heat stands for an interpolated map.
        """
        with LOCK:
            old = self.picture
            unchanged = picture is not None and old is not None and np.array_equal(picture, old)
            self.picture, self.heat = picture, heat
            if smooth:
                self._upper.add_class("nbviz-smooth")
            else:
                self._upper.remove_class("nbviz-smooth")
            if not unchanged:
                _paint(self._lower, picture)
            _paint(self._upper, heat)

    def dim(self, yes: bool) -> None:
        """Mark what is on show as old."""
        with LOCK:
            (self.view.add_class if yes else self.view.remove_class)("nbviz-dimmed")

    def redraw(self) -> None:
        """Paint again what is on show: a page that has just opened has empty canvases."""
        with LOCK:
            _paint(self._lower, self.picture)
            _paint(self._upper, self.heat)


def _canvas(name: str) -> Canvas:
    canvas = Canvas(width=224, height=224, sync_image_data=False)
    canvas.add_class(name)
    return canvas


def _paint(canvas: Canvas, pixels: np.ndarray | None) -> None:
    if pixels is not None and (pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4):
        raise ValueError(f"a canvas takes uint8 (H, W, 4), not {pixels.dtype} {pixels.shape}")
    if pixels is not None and (canvas.height, canvas.width) != pixels.shape[:2]:
        canvas.height, canvas.width = pixels.shape[:2]
    # Nothing that can raise stands inside: an exception there would leave all canvases holding for ever.
    with hold_canvas():
        if pixels is None or not _opaque(pixels):
            canvas.clear()
        if pixels is not None:
            canvas.put_image_data(pixels, 0, 0)


def _opaque(pixels: np.ndarray) -> Any:
    return (pixels[..., 3] == 255).all()
