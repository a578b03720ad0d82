"""Base of panels that read the pictures of what a page of *Review* lists."""

from __future__ import annotations

from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.strip import fail
from nbviz.panels.review.review_front import ReviewFront
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Request
from nbviz.session.requests.review import ReadPictures
from nbviz.session.selection import Selection


class ListedPictures(Panel):
    """Base of panels that read the pictures listed while their page is on show."""

    edits = False

    def __init__(self, links: Links, view: ReviewFront) -> None:
        super().__init__(links)
        self.view = view
        self.review: Review | None = None
        self.on_show = False

    @property
    def numbers(self) -> tuple[int, ...]:
        """Items listed, in the order that they are read in."""
        raise NotImplementedError

    def request(self, selection: Selection) -> Request | None:
        if not self.on_show or self.review is None or self.review.items is None or not self.numbers:
            return None
        return ReadPictures(self.review.items, self.numbers)

    def fail(self, error: BaseException) -> None:
        fail(self.view, error)
