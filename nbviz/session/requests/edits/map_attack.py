"""Request of an attack on the map: the map of another picture, while the answer stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbviz.edits.map_attack import MapAttacked, attacking_map
from nbviz.model.edit import Edit
from nbviz.pictures.picture import Picture
from nbviz.session.requests.base import Context, Request


@dataclass(frozen=True)
class MeasureMapAttack(Request):
    """Request of a picture's change after earlier edits whose map is that of ``like``."""

    edits: tuple[Edit, ...]
    picture: Picture
    like: Picture
    method: str
    size: float
    steps: int

    def __call__(self, context: Context) -> Iterator[MapAttacked]:
        model = context.model.edited(*self.edits)
        yield from attacking_map(model, self.picture, self.like, self.method, self.size, self.steps)
