"""Base of what a page of the review computes when a person begins it, and keeps."""

from __future__ import annotations

from typing import Any

from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.strip import fail
from nbviz.panels.review.review_front import ReviewFront
from nbviz.reviews.result import Review
from nbviz.session.selection import Selection


class LongPage(Panel):
    """Base of long work on a page, begun and ended by a person, whose state is one trait of the stage's widget."""

    edits = False
    trait: str
    """Trait of the widget that has the state: offer, progress and done, and what it came to."""

    def __init__(self, links: Links, view: ReviewFront) -> None:
        super().__init__(links)
        self.view = view
        self.review: Review | None = None
        self.begun = self.on_show = False
        self.state: dict[str, Any] = {}

    def first(self) -> dict[str, Any]:
        """Return the state before it is begun."""
        raise NotImplementedError

    def open(self, review: Review | None) -> None:
        """Go back to the first state, with another review or the same; none before there is one."""
        self.review, self.begun = review, False
        self.state = {} if review is None else self.first()

    def follow(self, selection: Selection) -> None:
        """Follow the selection, as far as the page depends on it."""

    def begin(self, begun: bool) -> None:
        """Begin what the page computes, or stop it."""
        self.open(self.review)
        self.begun = begun
        if begun:
            self.state = {**self.state, "offer": [], "words": [], "progress": "beginning", "done": 0.0}

    def draw(self, state: dict[str, Any]) -> None:
        """Keep a state, and send it if the page is on show."""
        self.state = state
        self.send()

    def send(self) -> None:
        """Send the state if the page is on show."""
        if self.on_show:
            setattr(self.view, self.trait, self.state)

    def fail(self, error: BaseException) -> None:
        self.open(self.review)
        self.send()
        fail(self.view, error)
