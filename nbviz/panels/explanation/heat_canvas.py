"""Two canvases, one over the other: the picture in gray, and heat whose opacity the browser sets alone.

Pixels travel as palette PNGs in an ``Image`` that the canvas draws: a third of the bytes of RGBA, and exact. What is
still being computed travels as WebP, a fifth of that, and no more of it than :data:`PARTIALS`. Pixels are kept, because
a canvas is blank again after a page reload.
"""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets
import numpy as np
import traitlets
from ipycanvas import Canvas, hold_canvas
from PIL import Image

from nbviz.drawing.overlay import gray
from nbviz.drawing.photos import webp
from nbviz.drawing.png import compact_png
from nbviz.errors import NbvizError
from nbviz.model.edit import Edit, PictureEdit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.base.panel import LOCK
from nbviz.panels.scenes.allowance import Allowance
from nbviz.pictures.load import Picture

PARTIALS = 220_000
"""Bytes of all unfinished maps of one explanation."""


class Stack(ipywidgets.Box):
    """Box that also owns what its canvases draw, so that closing the tree closes it too."""

    sources: traitlets.List[ipywidgets.Image] = traitlets.List().tag(sync=True, **ipywidgets.widget_serialization)


class CanvasLayer:
    """Canvas and the picture it draws."""

    def __init__(self, name: str) -> None:
        # sync_image_data would send every painted picture back to the kernel
        self.canvas = Canvas(width=224, height=224, sync_image_data=False, _dom_classes=[name])
        self.source = ipywidgets.Image(format="png")
        self.pixels: np.ndarray | None = None

    def draw(self, pixels: np.ndarray | None, partial: bool = False) -> int:
        """Paint uint8 (H, W, 4), or nothing; return the bytes that it took. A partial one is drawn roughly."""
        if pixels is not None and (pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4):
            raise ValueError(f"a canvas takes uint8 (H, W, 4), not {pixels.dtype} {pixels.shape}")
        self.pixels = pixels
        data = b""
        if pixels is not None:
            data = webp(pixels) if partial else compact_png(pixels)
            # in one message: bytes must never be read as the other kind
            with self.source.hold_sync():
                self.source.format, self.source.value = "webp" if partial else "png", data
            if (self.canvas.height, self.canvas.width) != pixels.shape[:2]:
                self.canvas.height, self.canvas.width = pixels.shape[:2]
        self.redraw()
        return len(data)

    def redraw(self) -> None:
        """Paint again what is on show."""
        # what is opaque covers the old pixels: clearing first would be a blank frame between
        clear = self.pixels is None or bool((self.pixels[..., 3] < 255).any())
        # Nothing that can raise stands inside: an exception there would leave all canvases holding for ever.
        with hold_canvas():
            if clear:
                self.canvas.clear()
            if self.pixels is not None:
                self.canvas.draw_image(self.source, 0, 0)


class HeatCanvas:
    """Canvases of picture and heat: ``view`` is the stack; ``draw`` paints both layers."""

    def __init__(self, *over: ipywidgets.Widget) -> None:
        self._lower, self._upper = CanvasLayer("nbviz-picture"), CanvasLayer("nbviz-heat")
        self._partials = Allowance(PARTIALS)
        layers = self._lower, self._upper
        canvases, sources = [layer.canvas for layer in layers], [layer.source for layer in layers]
        self.view = Stack([*canvases, *over], sources=sources, _dom_classes=["nbviz-stack"])
        # what is drawn before a page is there, as always in Voila, is blank in it
        for canvas in canvases:
            canvas.on_client_ready(self.redraw)

    @property
    def picture(self) -> np.ndarray | None:
        """Pixels of the lower layer, uint8 (H, W, 4)."""
        return self._lower.pixels

    @property
    def heat(self) -> np.ndarray | None:
        """Pixels of the upper layer, uint8 (H, W, 4)."""
        return self._upper.pixels

    def draw(
        self, picture: np.ndarray | None, heat: np.ndarray | None, smooth: bool = False, done: float = 1.0
    ) -> None:
        """Paint. picture, heat: uint8 (H, W, 4), or None for nothing; sizes may differ, the stylesheet
        stretches both alike. smooth: whether the heat stands for an interpolated map. done: share of the work, 0…1;
        an unfinished map is painted roughly, and where it would be one too many, not at all.
        """
        # ipycanvas loses fills where two threads draw at once, even on two canvases
        with LOCK:
            if not self._partials.allows(done):
                return
            upper = self._upper.canvas
            (upper.add_class if smooth else upper.remove_class)("nbviz-smooth")
            # the photograph is the same for every step of a map, and the larger of the two
            if not _same(picture, self.picture):
                self._lower.draw(picture)
            size = self._upper.draw(heat, partial=done < 1)
            if done < 1:
                self._partials.spend(size)

    def begin(self) -> None:
        """Begin with another map, whose unfinished forms may all be sent again."""
        self._partials.begin()

    def dim(self, yes: bool) -> None:
        """Mark what is on show as old."""
        with LOCK:
            (self.view.add_class if yes else self.view.remove_class)("nbviz-dimmed")

    def mark_edited(self, edits: Sequence[Edit]) -> None:
        """Mark the picture as an edited one where any of the edits is of pictures."""
        yes = any(isinstance(edit, PictureEdit) for edit in edits)
        with LOCK:
            (self.view.add_class if yes else self.view.remove_class)("nbviz-edited")

    def redraw(self) -> None:
        """Paint again what is on show: a page that has just opened has empty canvases."""
        with LOCK:
            self._lower.redraw()
            self._upper.redraw()


def enlarged(heat: np.ndarray, size: tuple[int, ...], smooth: bool) -> np.ndarray:
    """Enlarge heat to the picture's size, as the browser stretches it."""
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(heat).resize((size[1], size[0]), how))


def gray_picture(model: InstrumentedModel, picture: Picture) -> np.ndarray | None:
    """Return a picture as the network sees it in gray, uint8 (H, W, 4); None where it can't be read."""
    try:
        return gray(model.seen(picture))
    except (NbvizError, OSError, RuntimeError):
        return None  # the picture itself may be what failed: then the strip alone speaks


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other)
