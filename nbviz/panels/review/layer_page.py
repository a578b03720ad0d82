"""Base of a page of the layer that the selection names."""

from __future__ import annotations

from nbviz.panels.base.links import Links
from nbviz.panels.review.long_page import LongPage
from nbviz.panels.review.review_front import ReviewFront
from nbviz.reviews.result import Review
from nbviz.session.selection import Selection


class LayerPage(LongPage):
    """Base of long work on one layer: a layer is begun by itself, and one that was stays begun."""

    def __init__(self, links: Links, view: ReviewFront) -> None:
        super().__init__(links, view)
        self.layer = links.selection.layer
        self._layers: set[str] = set()
        """Those that were begun."""

    def follow(self, selection: Selection) -> None:
        if selection.layer == self.layer:
            return
        self.layer = selection.layer
        self.open(self.review)
        if self.layer in self._layers:
            self.begin(True)
        self.send()

    def open(self, review: Review | None) -> None:
        if review is not self.review:
            # nothing was begun on the pictures of another review
            self._layers.clear()
        super().open(review)

    def begin(self, begun: bool) -> None:
        (self._layers.add if begun else self._layers.discard)(self.layer)
        super().begin(begun)

    def fail(self, error: BaseException) -> None:
        # what failed is not begun again by itself
        self._layers.discard(self.layer)
        super().fail(error)
