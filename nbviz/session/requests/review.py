"""Requests of many pictures: the answer to each; a review, its pictures on show, its cues, its shift."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from nbviz.drawing.photos import Pixels
from nbviz.errors import NbvizError, Refused
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items, PassProgress
from nbviz.reviews.cues.example import Transplant, transplant
from nbviz.reviews.cues.hunt import Suspect, cue_table
from nbviz.reviews.cues.window import places
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.making import LiveReview, fitting, reviewing
from nbviz.reviews.result import Review
from nbviz.reviews.shift.answers import shift_table
from nbviz.session.requests.base import Context, Request, ScoresAnswer, ScoresRequest

if TYPE_CHECKING:
    import pandas

INTERVAL = 0.15
"""Seconds between partial pages of pictures."""
MOST = 10**7
"""Pictures × classes up to which the calibration of every class is computed before it is asked for."""
EXAMPLES = 6
"""Places of a hunt that are shown as pictures."""


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
        review = fitting(self.review, context.model)
        warm(review)
        yield LiveReview(len(review), len(review), review)


def warm(review: Review) -> None:
    """Compute every table that a click shows, so that the click only reads it."""
    # on the worker: a table of a thousand classes takes a second, which a click must not
    for table in ("summary", "classes", "confusion", "slices", "suspect_labels", "pictures"):
        try:
            getattr(review, table)
        except Refused:  # the page that needs it says why
            continue
    if review.labelled and review.plan.every and class_work(review) <= MOST:
        with suppress(Refused):  # too few pictures: the page says so
            review.class_calibration  # noqa: B018 - kept for the click that shows it


def class_work(review: Review) -> int:
    """Return the size of a review's table of classes' calibration."""
    return len(review) * len(review.names)


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
        return _page(self.numbers, lambda number: context.model.seen(self.items.read(number)))


@dataclass(frozen=True)
class DrawAnswers(Request):
    """Pictures of a data set by number, with the network's masks or boxes and the true ones drawn on them."""

    review: DenseReview
    numbers: tuple[int, ...]
    side: int

    def __call__(self, context: Context) -> Iterator[ReviewPage]:
        return _page(self.numbers, lambda number: self.review.drawn(number, self.side))


def _page(numbers: Sequence[int], read: Callable[[int], Pixels]) -> Iterator[ReviewPage]:
    """Read pictures one by one; yield those so far now and then, and all at the end."""
    pictures, yielded = list[Pixels | None](), time.perf_counter()
    for number in numbers:
        try:
            pictures.append(read(number))
        except NbvizError:  # it was readable when it was reviewed; its tile stays gray
            pictures.append(None)
        if time.perf_counter() - yielded >= INTERVAL and len(pictures) < len(numbers):
            yielded = time.perf_counter()
            yield ReviewPage(tuple(pictures), len(numbers))
    yield ReviewPage(tuple(pictures), len(numbers))


@dataclass(frozen=True, eq=False)
class CueAnswer:
    """A hunt so far."""

    table: pandas.DataFrame
    """As ``review.cues()`` gives it."""
    examples: tuple[Transplant, ...]
    """Of the first places, see :attr:`places`; only once the hunt has ended."""
    classes: int
    total: int
    done: float

    @property
    def places(self) -> list[list[int]]:
        """Rows of the table by place, the leading one of each first."""
        return places(self.table["class"].tolist(), self.table["window"].tolist())

    @property
    def progress(self) -> str:
        """``"3 of 10 classes"``."""
        return f"{self.classes} of {self.total} classes"


@dataclass(frozen=True)
class HuntCues(Request):
    """Cues of every class, the class before the next."""

    review: Review

    def __call__(self, context: Context) -> Iterator[CueAnswer]:
        review, cues = self.review, list[Suspect]()
        total = len(review.names)
        yield CueAnswer(cue_table([], review.names), (), 0, total, 0.0)
        for number, suspects in enumerate(review.hunting()):
            cues += suspects
            yield CueAnswer(cue_table(cues, review.names), (), number + 1, total, 0.99 * (number + 1) / total)
        whole = CueAnswer(cue_table(cues, review.names), (), total, total, 1.0)
        yield replace(whole, examples=tuple(_examples(context, review, whole)))


def _examples(context: Context, review: Review, answer: CueAnswer) -> Iterator[Transplant]:
    items, labels, predictions = (review.column(name) for name in ("items", "labels", "prediction"))
    assert review.items is not None
    order = np.random.default_rng(0).permutation(len(items))
    suspects = answer.table.attrs["suspects"]
    for suspect in (suspects[rows[0]] for rows in answer.places[:EXAMPLES]):
        others = order[(labels != suspect.index)[order] & (predictions != suspect.index)[order]]
        yield transplant(context.model, review.items, suspect.pictures[0], suspect.window, suspect.index, items[others])


@dataclass(frozen=True, eq=False)
class ShiftAnswer(PassProgress):
    """A measurement under corruptions so far."""

    table: pandas.DataFrame | None = None
    """As ``review.shift()`` gives it; None until the end."""

    @property
    def complete(self) -> bool:
        return self.table is not None


@dataclass(frozen=True)
class MeasureShift(Request):
    """Accuracy and calibration under every corruption."""

    review: Review
    sample: int = 300

    def __call__(self, context: Context) -> Iterator[ShiftAnswer]:
        total = min(self.sample, len(self.review))
        yield ShiftAnswer(0, total)
        for step in self.review.shifting(sample=self.sample):
            if isinstance(step, int):
                yield ShiftAnswer(step, total)
            else:
                yield ShiftAnswer(total, total, shift_table(step))


@dataclass(frozen=True)
class Answer:
    """Class that the network names for a picture, and its share."""

    index: int
    share: float
    """Probability, or share of the picture, or score of the best box; 0…1."""

    @classmethod
    def of(cls, scores: ScoresAnswer) -> Answer:
        """Return the answer that a picture's scores give."""
        index = int(scores.order[0])
        return cls(index, float(scores.probabilities[index]))


@dataclass(frozen=True)
class SeveralAnswers:
    """Answers so far, by the pictures' names."""

    answers: Mapping[str, Answer]
    done: float
    """Share of the work, 0…1; 1 is final."""


@dataclass(frozen=True)
class AnswersRequest(Request):
    """Request of the network's answer to each of several pictures; those that can't be read have none.

    Pictures count as themselves here: comparing what they hold would read all of them before the first answer.
    """

    pictures: tuple[Picture, ...] = field(compare=False)
    ids: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(map(id, self.pictures)))

    def __call__(self, context: Context) -> Iterator[SeveralAnswers]:
        answers: dict[str, Answer] = {}
        for number, picture in enumerate(self.pictures, 1):
            try:
                answers[picture.name] = Answer.of(context.answer(ScoresRequest(picture)))
            except (NbvizError, OSError):  # choosing the picture says what is wrong with it
                continue
            yield SeveralAnswers(dict(answers), min(number / len(self.pictures), 0.999))
        yield SeveralAnswers(answers, 1.0)
