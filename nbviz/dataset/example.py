"""Example of a channel: a picture of a data set that drives it, and the part of it that does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from nbviz.drawing.overlay import png
from nbviz.model.boxes import Box
from nbviz.passes.effective_field import EffectiveField

FRAME = "#ff8c00"
LEAST = 224
"""Pixels that the longer side has, about, where a notebook shows an example: small pictures are enlarged."""


@dataclass(frozen=True, repr=False)
class Example:
    """Item of a data set in a channel's ranking."""

    item: int
    """Number in the data set."""
    activation: float
    """The channel's value at that place."""
    place: tuple[int, int] | None
    """(row, column) among the layer's places; None for a layer without places."""
    label: int | None
    """Index of the item's class, where the data set says so."""
    name: str | None = None
    """Name of the class."""
    # made when asked for: a page of examples reads no picture before it is looked at; not compared, for equal examples
    # may come of two indexes
    _seen: Callable[[], np.ndarray] | None = field(default=None, repr=False, compare=False)
    _box: Callable[[], Box] | None = field(default=None, repr=False, compare=False)
    _effective: Callable[[], EffectiveField] | None = field(default=None, repr=False, compare=False)

    @property
    def picture(self) -> np.ndarray:
        """The whole picture as the network saw it, uint8 (H, W, 3); read from the data set anew."""
        assert self._seen is not None
        return self._seen()

    @property
    def box(self) -> Box:
        """Box (top, left, bottom, right) in pixels of :attr:`picture`: all that this place can see."""
        assert self._box is not None
        return self._box()

    @property
    def crop(self) -> np.ndarray:
        """Part of the picture that this place can see, uint8 (h, w, 3)."""
        return self.picture[self.box.slices]

    @property
    def effective(self) -> EffectiveField:
        """Effective receptive field: the gradient of the channel at this place in the picture; computed anew."""
        assert self._effective is not None
        return self._effective()

    def __repr__(self) -> str:
        place = "" if self.place is None else " at row {}, column {}".format(*self.place)
        of = f", {self.name}" if self.name else "" if self.label is None else f", class {self.label}"
        return f"Example(item {self.item}{of}: {self.activation:.3g}{place})"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        """Return the picture with the part that drives the channel framed, for a notebook, and as text."""
        bundle: dict[str, Any] = {"text/plain": repr(self)}
        if self._seen is None or self._box is None:
            return bundle
        share = max(1, round(LEAST / max(self.picture.shape[:2])))
        image = Image.fromarray(self.picture)
        image = image.resize((share * image.width, share * image.height), Image.Resampling.NEAREST)
        top, left, bottom, right = (share * edge for edge in self.box)
        ImageDraw.Draw(image).rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=FRAME, width=2)
        return bundle | {"image/png": png(np.asarray(image))}
