"""The channel grid's page of found pictures: each channel's strongest, or how to get them where nobody has looked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbviz.dataset import LiveIndex
from nbviz.errors import NbvizError
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.scenes.channel_page import Photos, figure
from nbviz.session.library import Library
from nbviz.session.requests.base import Request
from nbviz.session.requests.found import Crop, FoundChannels, FoundPageRequest, LookThrough, NoIndex, Unsearched
from nbviz.session.selection import Selection


class FoundPage(Panel):
    """Finds what the grid's page wants, and looks through pictures when told to; draws into the grid's view.

    ``grid`` is a ``ChannelsPanel``.
    """

    slot = "found"
    after = ("channels",)

    def __init__(self, grid: Any, library: Library) -> None:
        super().__init__(grid.model, grid.pictures, grid.selection)
        self.grid, self.view, self.library = grid, grid.view, library
        self._looking: LookThrough | None = None
        self._progress = "begins"
        self.problem = ""
        """Why looking failed, in a sentence."""
        self.on_change: Callable[[], None] | None = None
        """Called when looking begins, ends or fails."""
        self.view.on_msg(self._told)

    def request(self, selection: Selection) -> Request | None:
        channels = self.grid.wanted("found", selection)
        if self._looking is not None:
            return self._looking  # goes on while other views are looked at
        if not channels:
            return None
        index = self.library.knowing(selection.layer)
        if index is not None:
            return FoundChannels(index, selection.layer, channels)
        return NoIndex(selection.layer, self.library.count)

    def begin(self) -> None:
        """Look through the pictures, for all layers at once."""
        with LOCK:
            self._looking, self._progress, self.problem = LookThrough(self.library.items()), "begins", ""
            self._ask()

    def toggle(self) -> None:
        """Look through the pictures, or stop doing so."""
        if self._looking is None:
            self.begin()
        else:
            self._stop()

    def button(self) -> str:
        """What a button on a card says."""
        return begin_words(self.library.count).lower() if self._looking is None else f"stop · {self._progress}"

    def show(self, answer: Any) -> None:
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
        self._looking = None
        self._ask()

    def wait(self, progress: str = "") -> None:
        if self.grid.look.mode == "found":
            self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        self._looking = None
        self.problem = str(error) if isinstance(error, NbvizError) else f"{type(error).__name__}: {error}"
        self.grid.refuse("found", error)
        if self.on_change:
            self.on_change()

    def _told(self, view: Any, content: dict[str, Any], buffers: Any) -> None:
        if self.grid.look.mode != "found":
            return
        if content.get("event") == "begin":
            self.begin()
        elif content.get("event") == "cancel":
            self._stop()

    def _stop(self) -> None:
        with LOCK:
            self._looking = None
            self._ask()

    def _ask(self) -> None:
        if self.on_change:
            self.on_change()
        if self.on_ask:
            self.on_ask()


def photos(answer: FoundPageRequest) -> Photos:
    """Found pictures as tiles, and what they are in words."""
    tiles = {channel: crop.pixels for channel, crop in answer.crops.items()}
    words = {channel: crop_words(crop) for channel, crop in answer.crops.items()}
    caption = f"strongest part of {answer.total:,} pictures"
    return Photos(tiles, words, caption, answer.problem)


def crop_words(crop: Crop) -> str:
    """``"found: 4.21 in picture 1,234, ankle boot"``."""
    return f"found: {figure(crop.activation)} in picture {crop.item:,}{f', {crop.name}' if crop.name else ''}"


def offer(layer: str, count: int) -> str:
    """Why there is nothing yet, and how to get it."""
    if count == 1:
        return "Nobody has looked for what drives these channels. There is one picture to look through."
    return (
        f"Nobody has looked for what drives the channels of {layer or 'this network'}. Looking through these "
        f"{count:,} pictures finds the strongest for each channel of every layer; index=nbviz.Index.build(…) brings "
        "those of a data set of yours."
    )


def begin_words(count: int) -> str:
    """What the button says."""
    return "Look through this picture" if count == 1 else f"Look through these {count:,} pictures"
