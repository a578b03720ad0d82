"""Requests of the picture made again by a layer: inverted, exaggerated, dreamt further."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbviz.features import Made, caricaturing, dreaming
from nbviz.session.requests.base import Context, PictureRequest, Request, stepped
from nbviz.session.requests.made import Invert

KINDS = ("keeps", "more", "dream")
"""In the order in which they stand."""


@dataclass(frozen=True)
class Caricature(PictureRequest):
    """Request of a caricature: from noise, a picture that exaggerates the layer's activation of this one."""

    layer: str

    def __call__(self, context: Context) -> Iterator[Made]:
        yield from caricaturing(context.model, self.picture, self.layer)


@dataclass(frozen=True)
class Dream(PictureRequest):
    """Request of a dream: the picture, changed so that the layer's activation grows."""

    layer: str

    def __call__(self, context: Context) -> Iterator[Made]:
        yield from dreaming(context.model, self.picture, self.layer)


@dataclass(frozen=True)
class Remade:
    """Three pictures made from one, so far."""

    layer: str
    made: Mapping[str, Made]
    """A name of :data:`KINDS` → what was made; those that are missing are not begun."""
    done: float = 1.0
    progress: str = ""


@dataclass(frozen=True)
class Remake(PictureRequest):
    """Request of all three for one layer, each cached by itself."""

    layer: str

    def __call__(self, context: Context) -> Iterator[Remade]:
        pictures: dict[str, Made] = {}
        requests: list[tuple[str, Request]] = [
            ("dream", Dream(self.picture, self.layer)),  # the quickest first
            ("keeps", Invert(self.picture, self.layer)),
            ("more", Caricature(self.picture, self.layer)),
        ]
        for number, (kind, request) in enumerate(requests):
            for pictures[kind] in stepped(context, request):
                done = 0.999 * (number + pictures[kind].done) / len(requests)
                yield Remade(self.layer, dict(pictures), done, pictures[kind].progress)
        yield Remade(self.layer, pictures)
