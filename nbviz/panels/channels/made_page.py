"""Page of made pictures in the channel grid: requested while it is on show, drawn as it sharpens."""

from __future__ import annotations

import numpy as np

from nbviz.drawing.numbers import three_digits
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel, nothing
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.scenes.allowance import Allowance
from nbviz.panels.scenes.channel_page import Photos
from nbviz.session.requests.base import Request
from nbviz.session.requests.made import MadeAnswer, MakeChannels
from nbviz.session.selection import Selection

GO_ON = "Go on"
PARTIALS = 1_200_000
"""Bytes of all unfinished pages of one page of made pictures."""


class MadePage(Panel):
    """Panel of the page's made pictures; draws into the grid's view."""

    slot = "made"
    reads = frozenset(("layer", "stage"))
    after = ("channels",)

    def __init__(self, links: Links, grid: ChannelsPanel) -> None:
        super().__init__(links)
        self.grid, self.view = grid, grid.view
        self._stopped: Request | None = None
        """Request that a person has cancelled: not made again until they say so."""
        self._photos = Photos()
        self._partials = Allowance(PARTIALS)
        self._progress = ""
        self.finished = 0
        """Pages so far: whoever looks for pictures on disk looks again."""
        self.listen(self.view, self._act, retry=nothing)

    def awake(self, selection: Selection) -> bool:
        return self.grid.look.mode == "made"

    def request(self, selection: Selection) -> Request | None:
        asked = self._page_request(selection)
        return None if asked == self._stopped else asked

    def _page_request(self, selection: Selection) -> MakeChannels | None:
        channels = self.grid.channels_in("made", selection)
        return MakeChannels(selection.layer, channels, self.grid.look.recipe) if channels else None

    def show(self, answer: MadeAnswer) -> None:
        self.finished += answer.done >= 1
        again = self._partials.allows(answer.done)
        if again:
            self._photos = photos(answer)
        self._progress = answer.progress if answer.done < 1 else ""
        self.grid.put("made", self._photos, self._progress, answer.done if answer.done < 1 else 0.0)
        if again:
            self._partials.spend(len(self.view.mosaic))

    def wait(self, progress: str = "") -> None:
        self._partials.begin()
        self.view.state = "computing"
        self.view.progress, self.view.share, self.view.begin = "begins", 0.0, ""

    def fail(self, error: BaseException) -> None:
        self.grid.refuse("made", error)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event not in ("cancel", "begin") or self.grid.look.mode != "made":
            return
        # the request, not a flag: another layer or recipe is another wish, and is made
        self._stopped = self._page_request(self.selection) if event == "cancel" else None
        if event == "cancel":
            where = f"stopped at {self._progress}" if self._progress else "stopped"
            self.grid.put("made", Photos(self._photos.tiles, self._photos.words, where), begin=GO_ON)
        self.links.ask()


def photos(answer: MadeAnswer) -> Photos:
    """Return made pictures as tiles, with their descriptions."""
    page, rows = answer.made, range(0, len(answer.made.pictures), answer.made.recipe.facets)
    pixels = page.pixels
    tiles = {channel: pixels[row] for channel, row in zip(answer.channels, rows, strict=True)}
    words = {channel: rise_words(page.rise[row]) for channel, row in zip(answer.channels, rows, strict=True)}
    caption = f"made to drive each channel, {page.recipe.steps} steps"
    return Photos(tiles, words, caption, str(page.facts.get("note", "")))


def rise_words(rise: np.ndarray) -> str:
    """Describe the rise of the objective; rise (steps,): ``"made: mean activation 0.12 → 3.40"``."""
    taken = rise[np.isfinite(rise)]
    return (
        f"made: mean activation {three_digits(float(taken[0]))} → {three_digits(float(taken[-1]))}"
        if len(taken)
        else ""
    )
