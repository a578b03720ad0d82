"""Pictures of a review: those on show, read by the worker, and one that is opened in the Explorer."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping

from nbviz.drawing.photos import Pixels, photo_mosaic
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.review.review_front import ReviewFront
from nbviz.pictures.load import Picture, unique_name
from nbviz.pictures.samples import Items
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Request
from nbviz.session.requests.review import DrawAnswers, ReadPictures, ReviewPage
from nbviz.session.selection import Selection
from nbviz.session.start import with_labels

ACROSS, SIDE = 6, 96
"""Tiles in a row of the sheet, and pixels a side of each."""
OPENED = 12
"""Opened pictures that stay among the Explorer's."""


class ReviewPictures(Panel):
    """Panel that reads the pictures on show and draws them on one sheet."""

    slot = "review pictures"
    edits = False

    def __init__(self, links: Links, view: ReviewFront) -> None:
        super().__init__(links)
        self.view = view
        self.review: Review | None = None
        self.numbers: tuple[int, ...] = ()

    def request(self, selection: Selection) -> Request | None:
        if self.review is None or self.review.items is None or not self.numbers:
            return None
        if isinstance(self.review, DenseReview):
            return DrawAnswers(self.review, self.numbers, SIDE)
        return ReadPictures(self.review.items, self.numbers)

    def show(self, answer: ReviewPage) -> None:
        # as many as the page will have: tiles keep their places while others come
        blank: list[Pixels | None] = [None] * (answer.total - len(answer.pictures))
        sheet = photo_mosaic([*answer.pictures, *blank], ACROSS, SIDE)
        with self.view.hold_sync():
            self.view.sheet = {
                "columns": sheet.columns, "rows": sheet.rows, "tile_width": SIDE, "tile_height": SIDE, "gap": sheet.gap,
            }  # fmt: skip
            self.view.pictures = sheet.data

    def fail(self, error: BaseException) -> None:
        self.view.pictures = b""


class Opener:
    """Opener of a data set's items among the Explorer's pictures: one that isn't there yet is added.

    Of those added the last few stay: whoever clicks through hundreds would not find the own pictures again.
    """

    def __init__(self, pictures: MutableMapping[str, Picture], model: InstrumentedModel | None = None) -> None:
        """model: the network whose classes the pictures are labelled by; without, by those of the data set."""
        self._pictures, self._model = pictures, model
        self._names: dict[int, str] = {}
        self._added: list[str] = []

    def item(self, name: str) -> int | None:
        """Return the item that goes by a name; None where none was opened by it."""
        return next((item for item, known in self._names.items() if known == name), None)

    def name(self, items: Items, item: int, keep: Collection[str] = ()) -> str:
        """Return the name of an item's picture. Raises NbvizError where it can't be read.

        keep: names of pictures that are in use, which stay however many were added after them.
        """
        # not by its number alone: it may have been taken away since
        if self._names.get(item) not in self._pictures:
            picture = items.read(item)
            if self._model is not None:
                picture = with_labels(self._model, {picture.name: picture}, items.classes)[0][picture.name]
            name = next((one for one in self._near(item) if _same(self._pictures[one], picture)), None)
            if name is None:
                name = unique_name(picture.name, self._pictures)
                self._pictures[name] = Picture(name, picture.source, picture.label)
                self._drop(keep)
                self._added.append(name)
            self._names[item] = name
        return self._names[item]

    def _drop(self, keep: Collection[str]) -> None:
        # a person may have taken some of them away
        self._added = [name for name in self._added if name in self._pictures]
        unused = [name for name in self._added if name not in keep]
        for name in unused[: max(0, len(self._added) - OPENED + 1)]:
            del self._pictures[name]
            self._added.remove(name)

    def _near(self, item: int) -> list[str]:
        """Return names under which the Explorer may have it already: its place among its pictures, or its number."""
        names = list(self._pictures)
        return [name for name in (*names[item : item + 1], str(item), f"item {item}") if name in self._pictures]


def _same(one: Picture, other: Picture) -> bool:
    try:
        return one == other
    except (NbvizError, OSError):  # damaged: it is another than one that could be reviewed
        return False
