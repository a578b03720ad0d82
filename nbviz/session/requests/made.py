"""Requests of made pictures: a page of channels' pictures, a layer's inversion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbviz.features import Made, inverting, making
from nbviz.session.requests.base import Context, PictureRequest, Request


class OfMade:
    """Base of answers that hold made pictures: as far as these are."""

    made: Made

    @property
    def done(self) -> float:
        """Share of the work, 0…1; 1 is final."""
        return self.made.done

    @property
    def progress(self) -> str:
        """Progress in a phrase: "step 12 of 30"."""
        return self.made.progress


@dataclass(frozen=True)
class MadeAnswer(OfMade):
    """Pictures made for a layer's channels, so far."""

    layer: str
    channels: tuple[int, ...]
    made: Made

    def pixels(self, channel: int) -> np.ndarray:
        """Return the first picture of a channel, uint8 (H, W, 3)."""
        pictures: np.ndarray = self.made.pixels
        first: np.ndarray = pictures[self.channels.index(channel) * self.made.recipe.facets]
        return first


@dataclass(frozen=True)
class MakeChannels(Request):
    """Request of pictures that drive channels most. They depend on no picture, and those made before are on disk."""

    layer: str
    channels: tuple[int, ...]
    preset: str = "default"
    options: tuple[tuple[str, Any], ...] = ()
    """Fields of a :class:`~nbviz.features.Recipe`, and ``path``."""

    def __call__(self, context: Context) -> Iterator[MadeAnswer]:
        for page in making(context.model, self.layer, self.channels, self.preset, **dict(self.options)):
            yield MadeAnswer(self.layer, self.channels, page)


@dataclass(frozen=True)
class Invert(PictureRequest):
    """Request of a layer's inversion: the picture as the layer still knows it."""

    layer: str
    options: tuple[tuple[str, Any], ...] = ()

    def __call__(self, context: Context) -> Iterator[Made]:
        yield from inverting(context.model, self.picture, self.layer, **dict(self.options))
