"""Requests of the training pictures: the answers to all of them, and those that speak loudest for an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbviz.drawing.photos import Pixels
from nbviz.errors import NbvizError
from nbviz.pictures.samples import Items
from nbviz.reviews.influence import influence_table
from nbviz.reviews.records.making import recording
from nbviz.reviews.records.records import Records
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Context, Request

if TYPE_CHECKING:
    import pandas

LOUDEST = 10
"""Training pictures that are shown for an answer."""


@dataclass(frozen=True, eq=False)
class TrainingAnswer:
    """Records of the training pictures so far."""

    pictures: int
    total: int
    records: Records | None = None
    """None until the end."""

    @property
    def done(self) -> float:
        """0…1; 1 only with the records."""
        return 1.0 if self.records is not None else min(0.99, self.pictures / max(1, self.total))

    @property
    def progress(self) -> str:
        """``"120 of 60,000 training pictures"``."""
        return f"{self.pictures:,} of {self.total:,} training pictures"


@dataclass(frozen=True)
class ReadTraining(Request):
    """Answers to every training picture, a batch at a time."""

    items: Items

    def __call__(self, context: Context) -> Iterator[TrainingAnswer]:
        total = len(self.items)
        for step in recording(context.model, self.items):
            if isinstance(step, int):
                yield TrainingAnswer(step, total)
            else:
                yield TrainingAnswer(total, total, Records(*step))


@dataclass(frozen=True, eq=False)
class InfluenceAnswer:
    """Training pictures that speak loudest for an answer."""

    item: int
    table: pandas.DataFrame
    """As ``review.influences(item)`` gives it."""
    pictures: tuple[Pixels | None, ...]
    """As the network saw them; None where one can't be read."""


@dataclass(frozen=True)
class FindInfluences(Request):
    """Training pictures that speak loudest for the answer to an item."""

    review: Review
    training: Records
    item: int

    def __call__(self, context: Context) -> Iterator[InfluenceAnswer]:
        table = influence_table(self.review, self.training, self.item, LOUDEST)
        items = self.training.items
        pictures = tuple(None if items is None else _seen(context, items, int(n)) for n in table["item"])
        yield InfluenceAnswer(self.item, table, pictures)


def _seen(context: Context, items: Items, number: int) -> Pixels | None:
    try:
        return context.model.seen(items.read(number))
    except NbvizError:  # it was readable when it was looked at; its tile stays gray
        return None
