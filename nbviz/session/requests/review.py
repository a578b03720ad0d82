"""What the stage Review asks: to review pictures, to read those on show, and one class's calibration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbviz.drawing.photos import Pixels
from nbviz.errors import NbvizError, Refused
from nbviz.pictures.samples import Items
from nbviz.reviews.making import LiveReview, fitting, reviewing
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Context, Request

INTERVAL = 0.15
"""Seconds between partial pages of pictures."""


@dataclass(frozen=True)
class MakeReview(Request):
    """A review of pictures, a batch at a time."""

    items: Items

    def __call__(self, context: Context) -> Iterator[LiveReview]:
        for step in reviewing(context.model, self.items):
            if step.review is not None:
                warm(step.review)
            yield step


@dataclass(frozen=True)
class OpenReview(Request):
    """A review that was made before. Raises NbvizError where the network is another by now."""

    review: Review

    def __call__(self, context: Context) -> Iterator[LiveReview]:
        found = fitting(self.review, context.model)
        warm(found)
        yield LiveReview(len(found), len(found), found)


def warm(review: Review) -> None:
    """Compute every table that a click shows, so that the click only reads it."""
    for table in ("summary", "classes", "confusion", "slices", "suspect_labels"):
        try:
            getattr(review, table)
        except Refused:  # the page that needs it says why
            continue


@dataclass(frozen=True, eq=False)
class ReviewPage:
    """Pictures on show, as the network saw them; None where one can't be read."""

    pictures: tuple[Pixels | None, ...]
    total: int

    @property
    def done(self) -> float:
        """0…1; 1 is final."""
        return len(self.pictures) / max(1, self.total)


@dataclass(frozen=True)
class ReadPictures(Request):
    """Pictures of a data set by number."""

    items: Items
    numbers: tuple[int, ...]

    def __call__(self, context: Context) -> Iterator[ReviewPage]:
        pictures, yielded = list[Pixels | None](), time.perf_counter()
        for number in self.numbers:
            pictures.append(_read(context, self.items, number))
            if time.perf_counter() - yielded >= INTERVAL and len(pictures) < len(self.numbers):
                yielded = time.perf_counter()
                yield ReviewPage(tuple(pictures), len(self.numbers))
        yield ReviewPage(tuple(pictures), len(self.numbers))


def _read(context: Context, items: Items, number: int) -> np.ndarray | None:
    try:
        return context.model.seen(items.read(number))
    except NbvizError:  # it was readable when it was reviewed; its tile stays gray
        return None
