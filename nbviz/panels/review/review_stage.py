"""Stage of the review: how the network does over many pictures, and each of them a click away.

Only what is on show is sent: a page of pictures, or a table that is there already. What takes longer than a click, the
pass over the data set and the reading of pictures, is asked of the worker.
"""

from __future__ import annotations

import io
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from nbviz.errors import Refused
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.stage import Stage, register
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.review.long_page import LongPage
from nbviz.panels.review.review_against import AgainstPage
from nbviz.panels.review.review_channels import ChannelPage
from nbviz.panels.review.review_cues import CuePage, ShiftPage
from nbviz.panels.review.review_front import ReviewFront
from nbviz.panels.review.review_labels import SuspectPictures, TrainingPage
from nbviz.panels.review.review_pair import PairPage
from nbviz.panels.review.review_pictures import Opener, ReviewPictures
from nbviz.panels.review.words.classes import FILTERS, filters, notes
from nbviz.panels.review.words.pages import CODE, PAGES, words_of
from nbviz.panels.snapshot.parts import StagePart, StillParts
from nbviz.pictures.load import Picture
from nbviz.reviews.listing import Answers, Listing
from nbviz.reviews.making import LiveReview
from nbviz.reviews.result import Order, Review
from nbviz.session.requests.base import Request
from nbviz.session.requests.review import MakeReview, OpenReview
from nbviz.session.selection import Selection

SHOWN = 30
"""Pictures of a page."""
EMPTY = (
    "A review looks at every picture once: where the network is wrong, how sure it is when it is, whether its "
    "probabilities can be believed, and where it does worse. nbviz.review(model, dataset) makes one of a data set, "
    "and Explorer(model, images, review=review) opens it."
)


@register
class ReviewStage(Stage):
    """Stage that reviews on request; lists pictures, and opens the one clicked."""

    slot, title, order = "review", "Review", 32
    sentence = "How the network does over many pictures: wrong ones, classes, calibration, slices"
    reads = frozenset(("image", "marked", "layer", "channel"))
    asks = frozenset(("image", "layer"))  # of the pages Labels and Channels
    edits = False
    pictures: MutableMapping[str, Picture]

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        given = links.library.review
        self.source: MakeReview | OpenReview | None = None if given is None else OpenReview(given)
        self.review: Review | None = None
        self.listing = Listing(answers="wrong")
        self.first, self.page = 0, "pictures"
        self.view = ReviewFront(empty=EMPTY)
        self.listen(self.view, self._act)
        self._opener = Opener(self.pictures, self.model)
        self._tiles = ReviewPictures(links, self.view)
        self._suspects, self._pair = SuspectPictures(links, self.view), PairPage(links, self.view)
        self._channels = ChannelPage(links, self.view)
        self._long: dict[str, LongPage] = {
            "classes": self._pair, "cues": CuePage(links, self.view), "shift": ShiftPage(links, self.view),
            "channels": self._channels, "against": AgainstPage(links, self.view),
            "labels": TrainingPage(links, self.view, lambda selection: self._opener.item(selection.image)),
        }  # fmt: skip

    def parts(self) -> dict[str, Panel]:
        panels = self._tiles, self._suspects, self._channels.driving, *self._long.values()
        return {panel.slot: panel for panel in panels}

    def request(self, selection: Selection) -> Request | None:
        return self.source

    def sync(self, selection: Selection) -> None:
        with LOCK, self.view.hold_sync():
            self.view.marked = list(selection.marked)
            self.view.chosen = self._opener.item(selection.image)
            self.view.offer = self._offer()
            self.view.channel = selection.channel
            for page in self._long.values():
                page.follow(selection)
            self.view.code = "" if self.review is None else self._code()

    def show(self, answer: LiveReview) -> None:
        view = self.view
        with view.hold_sync():
            ready(view)
            view.done, view.progress = answer.done, answer.progress
            view.state = "partial" if answer.done < 1 else "ready"
            # a check of the review on show must not turn back to its first page
            if answer.review is not None and answer.review is not self.review:
                self._open(answer.review)

    def _open(self, review: Review) -> None:
        self.review = self.links.library.review = review
        self.source = OpenReview(review)  # one of other weights is refused, and not made again by itself
        words = words_of(review)
        self.listing, self.first = self._first_listing(review), 0
        self.view.figures, self.view.notes = words.figures(review), notes(review)
        self.view.pages = [
            [name, text, words.why if name in words.missing else tip, name not in words.missing]
            for name, text, tip in PAGES
        ]
        self.view.offer = []
        for page in self._long.values():
            page.open(review)
        self.draw()
        self.links.ask()

    @staticmethod
    def _first_listing(review: Review) -> Listing:
        words = words_of(review)
        if words.first == "surest":
            return Listing(answers="wrong" if review.labelled else "all")
        return Listing(words.first if review.labelled else "unsure")

    def draw(self) -> None:
        """Send what the page on show needs."""
        review, view = self.review, self.view
        if review is None:
            return
        # pages that are begun by a person go on in the background, and are drawn only while they are on show
        for name, page in self._long.items():
            page.on_show = self.page == ("shift" if name == "against" else name)
        self._suspects.on_show, self._channels.driving.on_show = self.page == "labels", self.page == "channels"
        with view.hold_sync():
            view.page, view.code = self.page, self._code()
            try:
                self._draw_page(review)
                ready(view)
            except Refused as reason:
                view.matrix, view.curve, view.rows = {}, {}, {}
                fail(view, reason)

    def _draw_page(self, review: Review) -> None:
        words = words_of(review)
        if self.page == "pictures":
            self._draw_pictures(review)
        elif self.page == "classes":
            self.view.matrix = words.matrix(review)
        elif self.page == "calibration":
            self.view.curve = words.curve(review)
        elif self.page == "slices":
            self.view.rows = words.slices(review)
        elif self.page == "labels":
            self._suspects.draw(review)
        for page in self._long.values():
            page.send()

    def _draw_pictures(self, review: Review) -> None:
        rows = self.listing.rows(review)
        # a filter may have left fewer pages than the one that was on show
        self.first = min(self.first, max(0, (len(rows) - 1) // SHOWN * SHOWN))
        shown = rows[self.first : self.first + SHOWN]
        listing = self.listing
        self.view.listing = {
            **words_of(review).choices(review), "order": listing.order,
            "answers": listing.answers if listing.items is None else "marked",
            "label": "" if listing.label is None else str(listing.label), "filters": filters(listing, review.names),
            "first": self.first, "total": len(rows), "shown": SHOWN,
        }  # fmt: skip
        self.view.tiles = words_of(review).tiles(review, shown)
        self._tiles.review = review
        self._tiles.numbers = tuple(int(number) for number in review.column("items")[shown])

    def wait(self, progress: str = "") -> None:
        # a review on show stays there while it is checked
        if self.review is None:
            self.view.state, self.view.message, self.view.done = "computing", progress, 0.0

    def fail(self, error: BaseException) -> None:
        self.review = self.source = None
        with self.view.hold_sync():
            self.view.figures, self.view.pages, self.view.tiles, self.view.pictures = [], [], [], b""
            self.view.notes = []
            self.view.done, self.view.progress, self.view.offer = 1.0, "", self._offer()
            fail(self.view, error)

    def still(self) -> StillParts:
        if self.review is None or not self.view.pictures:
            return {}
        words = [[f"{figure} {text}"] for figure, text, _ in self.view.figures]
        sheet = np.asarray(Image.open(io.BytesIO(self.view.pictures)))
        return {"stage": StagePart(self.title, [], sheet, words)}

    # -- what a person does ---------------------------------------------------------------------------

    def _offer(self) -> list[str]:
        if self.source is not None:
            return []
        count = self.links.library.count
        return [f"Review these {count:,} pictures", "Looks at each once; it can be cancelled"]

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event in ("run", "cancel"):
            self._run() if event == "run" else self._cancel()
        elif event == "open":
            self._choose(int(content["item"]))
        elif event == "channel":
            self.selection.channel = int(content["channel"])
        elif event == "mark":
            item = int(content["item"])
            self.selection.marked = tuple(set(self.selection.marked) ^ {item})
        elif self.review is not None:
            self._turn(event, content)
            self.draw()
            self.links.ask()

    def _turn(self, event: object, content: Content) -> None:
        """Go to another page, or list other pictures."""
        if event == "page":
            self.page = content["name"] if content["name"] in dict(p[:2] for p in PAGES) else self.page
        elif event == "list":
            self._list(content)
        elif event == "clear" and content["what"] in FILTERS:
            cleared: dict[str, Any] = {content["what"]: None}
            self.listing, self.first = replace(self.listing, **cleared), 0
        elif event in ("begin", "stop"):
            self._long[self.page].begin(event == "begin")
        elif event in ("compare data", "stop data"):
            self._long["against"].begin(event == "compare data")
        elif event == "compare":
            self._pair.choose_by(content)
        elif event == "sort":
            self._channels.sort(content["order"])
        elif event in ("pair", "class", "slice"):
            self.page, self.first = "pictures", 0
            if event == "pair":
                self._pair.choose((content["label"], content["prediction"]))
            self.listing = _chosen(content, "surest" if self.review is None else words_of(self.review).first)

    def _list(self, content: Content) -> None:
        answers, label = content["answers"], content["label"]
        marked = self.selection.marked if answers == "marked" else None
        self.first = max(0, int(content["first"]))
        self.listing = replace(
            self.listing, order=content["order"], answers="all" if answers == "marked" else answers,
            label=int(label) if label else None, items=marked,
        )  # fmt: skip

    def _run(self) -> None:
        self.source, self.review = MakeReview(self.links.library.items()), None
        self.sync(self.selection)
        self.links.ask()

    def _cancel(self) -> None:
        self.source = None
        with LOCK, self.view.hold_sync():
            self.view.progress, self.view.done, self.view.offer = "", 1.0, self._offer()
            ready(self.view)
        self.links.ask()

    def _choose(self, item: int) -> None:
        if self.review is not None and self.review.items is not None:
            # opened pictures make room for others, but for those that are on show or pinned
            pinned = (pin.picture for pin in self.selection.pins)
            self.selection.image = self._opener.name(self.review.items, item, {self.selection.image, *pinned})

    def _code(self) -> str:
        layer = self._channels.layer
        if self.page == "channels":
            return f"review.channels({layer!r})"
        if self.page == "shift" and self.review is not None and self.review.against is not None:
            return f"{CODE['shift']}\nreview.shift(against=review.against, layer={layer!r})"
        if self.page != "pictures":
            return CODE.get(self.page, f"review.{self.page}")
        given = [f"{name}={value!r}" for name, value in vars(self.listing).items() if value not in (None, "all")]
        return f"review.pictures.iloc[nbviz.reviews.Listing({', '.join(given)}).rows(review)]"


def _chosen(content: Content, order: Order) -> Listing:
    """Return pictures of a slice that are wrong, of a confused pair, or of a class."""
    if content["event"] == "slice":
        # of masks and boxes no picture is simply right or wrong
        wrong: Answers = "wrong" if order == "surest" else "all"
        return Listing(order, wrong, part=(content["column"], content["part"]))
    return Listing(order, label=content["label"], prediction=content.get("prediction"))
