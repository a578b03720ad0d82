"""Page of found pictures in the channel grid: each channel's strongest, or how to get them."""

from __future__ import annotations

import traitlets

from nbviz.dataset import LiveIndex
from nbviz.drawing.numbers import three_digits
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel, nothing
from nbviz.panels.base.strip import error_words
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.scenes.channel_page import Photos
from nbviz.session.requests.base import Answer, Request
from nbviz.session.requests.found import Crop, FoundChannels, FoundPageRequest, LookThrough, NoIndex, Unsearched
from nbviz.session.selection import Selection

SMALL_BATCH = 2
"""Pictures in a step that nobody waits for, so that a click finds the worker free within a tenth of a second."""


class Search(traitlets.HasTraits):
    """State of the search through pictures; observed by the card, whose button begins and stops it."""

    request = traitlets.Instance(LookThrough, allow_none=True)
    """None while nothing is looked through."""
    problem = traitlets.Unicode()
    """Why the last one failed, in a sentence."""


class FoundPage(Panel):
    """Panel of the page's found pictures, and the search through pictures; draws into the grid's view."""

    slot = "found"
    reads = frozenset(("layer", "stage"))
    after = ("channels",)

    def __init__(self, links: Links, grid: ChannelsPanel) -> None:
        super().__init__(links)
        self.grid, self.view, self.library = grid, grid.view, links.library
        self.search = Search()
        self._progress = "begins"
        self.listen(self.view, self._act, retry=nothing)

    def awake(self, selection: Selection) -> bool:
        return self.grid.look.mode == "found" or self.search.request is not None

    def request(self, selection: Selection) -> Request | None:
        channels = self.grid.channels_in("found", selection)
        if self.search.request is not None:
            return self.search.request  # goes on while other views are looked at
        if not channels:
            return None
        index = self.library.knowing(selection.layer)
        if index is not None:
            return FoundChannels(index, selection.layer, channels)
        return NoIndex(selection.layer, self.library.count)

    def begin(self) -> None:
        """Look through the pictures, for all layers at once."""
        self._progress = "begins"
        self._search(LookThrough(self.library.items()))
        self.links.ask()

    def toggle(self) -> None:
        """Look through the pictures, or stop doing so."""
        if self.search.request is None:
            self.begin()
        else:
            self._stop()

    def button(self) -> str:
        """Return the label of a card's button."""
        return begin_words(self.library.count).lower() if self.search.request is None else f"stop · {self._progress}"

    def show(self, answer: Answer) -> None:
        if isinstance(answer, LiveIndex):
            self._looked(answer)
        elif isinstance(answer, Unsearched):
            self.grid.put("found", Photos(), begin=begin_words(answer.count), offer=offer(answer.layer, answer.count))
        else:
            self.grid.put("found", photos(answer))

    def _looked(self, answer: LiveIndex) -> None:
        self._progress = answer.progress
        if answer.index is None:
            words = f"Looking through {answer.total:,} pictures for what drives each channel most."
            self.grid.put("found", Photos(), answer.progress, answer.done, offer=words)
            return
        self.library.put(answer.index)
        self._stop()

    def wait(self, progress: str = "") -> None:
        if self.grid.look.mode == "found":
            self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        self.grid.refuse("found", error)
        self._search(None, error_words(error))

    def _act(self, content: Content) -> None:
        if self.grid.look.mode != "found":
            return
        if content.get("event") == "begin":
            self.begin()
        elif content.get("event") == "cancel":
            self._stop()

    def _stop(self) -> None:
        self._search(None)
        self.links.ask()

    def _search(self, request: LookThrough | None, problem: str = "") -> None:
        # together: the card would else draw a failure while the search still runs
        with self.search.hold_trait_notifications():
            self.search.request, self.search.problem = request, problem


class FoundAhead(Panel):
    """Panel of the search through nbviz's own photographs, made once, when nothing else is computed.

    They are few, so that the card and the page need not wait to be asked. Shows nothing of its own.
    """

    slot, background, edits = "found_ahead", True, False
    reads = frozenset[str]()

    def __init__(self, links: Links, page: FoundPage) -> None:
        super().__init__(links)
        self.page, self.library, self.view = page, links.library, page.view
        self._over = not links.library.ahead

    def request(self, selection: Selection) -> Request | None:
        if self._over or self.library.index is not None or self.page.search.request is not None:
            return None
        return LookThrough(self.library.items(), SMALL_BATCH)

    def show(self, answer: LiveIndex) -> None:
        if answer.index is not None:
            self._over = True
            self.library.put(answer.index)
            self.links.ask()

    def fail(self, error: BaseException) -> None:
        self._over = True  # nobody asked for it: the card still offers it, and says then why it can't be had


def photos(answer: FoundPageRequest) -> Photos:
    """Return found pictures as tiles, with their descriptions."""
    tiles = {channel: crop.pixels for channel, crop in answer.crops.items()}
    words = {channel: crop_words(crop) for channel, crop in answer.crops.items()}
    caption = f"strongest part of {answer.total:,} pictures"
    return Photos(tiles, words, caption, answer.problem)


def crop_words(crop: Crop) -> str:
    """Describe a found picture: ``"found: 4.21 in picture 1,234, ankle boot"``."""
    return f"found: {three_digits(crop.activation)} in picture {crop.item:,}{f', {crop.name}' if crop.name else ''}"


def offer(layer: str, count: int) -> str:
    """Return why there is nothing yet, and how to get it."""
    if count == 1:
        return "Nobody has looked for what drives these channels. There is one picture to look through."
    return (
        f"Nobody has looked for what drives the channels of {layer or 'this network'}. Looking through these "
        f"{count:,} pictures finds the strongest for each channel of every layer; index=nbviz.Index.build(…) brings "
        "those of a data set of yours."
    )


def begin_words(count: int) -> str:
    """Return the label of the button that begins the search."""
    return "Look through this picture" if count == 1 else f"Look through these {count:,} pictures"
