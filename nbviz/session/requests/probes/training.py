"""Requests of the training pictures: the answers to all of them, and those that speak loudest for an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbviz.drawing.photos import Pixels
from nbviz.pictures.samples import Items, PassProgress
from nbviz.reviews.influence import influence_table
from nbviz.reviews.records.making import recording
from nbviz.reviews.records.records import Records
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Context, Request
from nbviz.session.requests.review import ReadPictures

if TYPE_CHECKING:
    import pandas

LOUDEST = 10
"""Training pictures that are shown for an answer."""


@dataclass(frozen=True, eq=False)
class RecordsAnswer(PassProgress):
    """Records of other pictures than the review's so far."""

    records: Records | None = None
    """None until the end."""

    @property
    def complete(self) -> bool:
        return self.records is not None


@dataclass(frozen=True)
class ReadRecords(Request):
    """Answers to every picture of another data set, a batch at a time."""

    items: Items

    def __call__(self, context: Context) -> Iterator[RecordsAnswer]:
        total = len(self.items)
        for step in recording(context.model, self.items):
            if isinstance(step, int):
                yield RecordsAnswer(step, total)
            else:
                yield RecordsAnswer(total, total, Records(*step))


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
        items, numbers = self.training.items, tuple(map(int, table["item"]))
        read = None if items is None else context.answer(ReadPictures(items, numbers))
        yield InfluenceAnswer(self.item, table, (None,) * len(numbers) if read is None else read.pictures)
