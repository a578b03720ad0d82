"""Requests of a card: the channel's made picture, several facets of it, its opposite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbviz.features import Made, Objective, cached_page, channel, making
from nbviz.session.requests.base import Context, Request
from nbviz.session.requests.made import OfMade

FACETS = 4


@dataclass(frozen=True)
class OneMade(OfMade):
    """Pictures made for one channel, so far."""

    layer: str
    channel: int
    variant: str
    made: Made


@dataclass(frozen=True)
class NotMade:
    """Error of a channel whose picture isn't in the cache."""

    layer: str
    channel: int
    done: float = 1.0


@dataclass(frozen=True)
class _One(Request):
    layer: str
    channel: int
    preset: str = "default"
    variant: str = "channel"

    def arguments(self) -> tuple[str, list[int | Objective], str]:
        """Layer, objective and preset, as ``making`` takes them."""
        one = -channel(self.layer, self.channel) if self.variant == "opposite" else self.channel
        return self.layer, [one], self.preset

    def changes(self) -> dict[str, Any]:
        """Changes of the recipe for the variant."""
        return {"facets": FACETS} if self.variant == "facets" else {}

    def answer(self, page: Made) -> OneMade:
        """Return made pictures with the request they answer."""
        return OneMade(self.layer, self.channel, self.variant, page)


@dataclass(frozen=True)
class MakeOne(_One):
    """Request that makes the picture; one made before comes from disk."""

    def __call__(self, context: Context) -> Iterator[OneMade]:
        for page in making(context.model, *self.arguments(), **self.changes()):
            yield self.answer(page)


@dataclass(frozen=True)
class KeptOne(_One):
    """Request that only looks on disk; ``since``: the number of pages made until now."""

    since: int = 0

    def __call__(self, context: Context) -> Iterator[OneMade | NotMade]:
        page = cached_page(context.model, *self.arguments(), **self.changes())
        yield NotMade(self.layer, self.channel) if page is None else self.answer(page)
