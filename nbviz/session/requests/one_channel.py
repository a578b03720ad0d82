"""What a card asks to be made for one channel: its picture, several facets of it, the picture it likes least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbviz.features import Made, Objective, channel, kept, making
from nbviz.session.requests.base import Context, Request

VARIANTS = ("channel", "facets", "opposite")
FACETS = 4


@dataclass(frozen=True)
class OneMade:
    """What was made for a channel, so far."""

    layer: str
    channel: int
    variant: str
    made: Made

    @property
    def done(self) -> float:
        """0…1; 1 is final."""
        return self.made.done

    @property
    def progress(self) -> str:
        """``"step 12 of 30"``."""
        return self.made.progress


@dataclass(frozen=True)
class NotMade:
    """Nobody has made a channel's picture yet."""

    layer: str
    channel: int
    done: float = 1.0


@dataclass(frozen=True)
class _One(Request):
    layer: str
    channel: int
    preset: str = "default"
    variant: str = "channel"

    def asked(self) -> tuple[str, list[int | Objective], str]:
        """Layer, what is asked for, and preset, as ``making`` takes them."""
        one = -channel(self.layer, self.channel) if self.variant == "opposite" else self.channel
        return self.layer, [one], self.preset

    def changes(self) -> dict[str, Any]:
        """What the variant changes in the recipe."""
        return {"facets": FACETS} if self.variant == "facets" else {}

    def answer(self, made: Made) -> OneMade:
        """What was made, with what it was made for."""
        return OneMade(self.layer, self.channel, self.variant, made)


@dataclass(frozen=True)
class MakeOne(_One):
    """Makes it; what was made before comes from disk."""

    def __call__(self, context: Context) -> Iterator[OneMade]:
        for made in making(context.model, *self.asked(), **self.changes()):
            yield self.answer(made)


@dataclass(frozen=True)
class KeptOne(_One):
    """Only looks whether it was made before, of what was there when ``since`` pages had been made."""

    since: int = 0

    def __call__(self, context: Context) -> Iterator[OneMade | NotMade]:
        found = kept(context.model, *self.asked(), **self.changes())
        yield NotMade(self.layer, self.channel) if found is None else self.answer(found)
