"""What a layer makes of the picture: what it keeps of it, what it says of it, more, and what it dreams into it."""

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
    """From noise, a picture that says more of what the layer said of this one."""

    layer: str

    def __call__(self, context: Context) -> Iterator[Made]:
        yield from caricaturing(context.model, self.picture, self.layer)


@dataclass(frozen=True)
class Dream(PictureRequest):
    """The picture, changed so that the layer says more of all that it sees in it."""

    layer: str

    def __call__(self, context: Context) -> Iterator[Made]:
        yield from dreaming(context.model, self.picture, self.layer)


@dataclass(frozen=True)
class Remade:
    """The three pictures, so far."""

    layer: str
    made: Mapping[str, Made]
    """A name of :data:`KINDS` → what was made; those that are missing are not begun."""
    done: float = 1.0
    progress: str = ""


@dataclass(frozen=True)
class Remake(PictureRequest):
    """All three of one layer, each remembered by itself."""

    layer: str

    def __call__(self, context: Context) -> Iterator[Remade]:
        made: dict[str, Made] = {}
        asked: list[tuple[str, Request]] = [
            ("dream", Dream(self.picture, self.layer)),  # the quickest first
            ("keeps", Invert(self.picture, self.layer)),
            ("more", Caricature(self.picture, self.layer)),
        ]
        for number, (kind, request) in enumerate(asked):
            for made[kind] in stepped(context, request):
                done = 0.999 * (number + made[kind].done) / len(asked)
                yield Remade(self.layer, dict(made), done, made[kind].progress)
        yield Remade(self.layer, made)
