"""Made picture on the card: what drives the channel most, made on request; enlarged, its facets and its opposite."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbviz.drawing.numbers import three_digits
from nbviz.drawing.overlay import photo_mosaic
from nbviz.errors import NbvizError
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel, nothing
from nbviz.panels.base.strip import error_words
from nbviz.panels.channels.channel_card import ChannelPanel, Illustration
from nbviz.panels.channels.made_page import MadePage
from nbviz.panels.scenes.allowance import Allowance
from nbviz.session.requests.base import Request
from nbviz.session.requests.one_channel import KeptOne, MakeOne, NotMade, OneMade
from nbviz.session.selection import Selection

SIDE, FACET = 256, 160
"""Pixels a side at most: of one picture, of each of several."""
PARTIALS = 300_000
"""Bytes of all unfinished pictures of one channel."""
ABSENT = "Pictures are made from noise, step by step, so that they drive the channel most."


class CardMade(Panel):
    """Panel that draws into the card's view.

    Once a person has asked for one channel's picture, those of the channels chosen after it are made as well.
    """

    slot = "card_made"
    reads = frozenset(("layer", "channel"))
    after = ("channel", "made")

    def __init__(self, links: Links, card: ChannelPanel, page: MadePage) -> None:
        super().__init__(links)
        self.card, self.page, self.view = card, page, card.view
        self.picture: np.ndarray | None = None
        """Picture on show, uint8 (h, w, 3)."""
        self._making, self._variant, self._finished = False, "channel", 0
        self._partials = Allowance(PARTIALS)
        self.listen(self.view, self._act, retry=nothing)

    def request(self, selection: Selection) -> Request | None:
        subject = self.card.subject(selection)
        if subject is None:
            return None
        layer, channel = subject
        recipe = self.page.grid.look.recipe
        if self._making or self._variant != "channel":
            return MakeOne(layer, channel, recipe, self._variant)
        # what has been made since is part of the request: else "not made" would be kept in the cache for good
        return KeptOne(layer, channel, recipe, since=self.page.finished + self._finished)

    def show(self, answer: OneMade | NotMade) -> None:
        if isinstance(answer, NotMade):
            self._clear({"state": "absent", "button": "make it", "words": ABSENT})
            return
        page, final, pixels = answer.made, answer.done >= 1, list(answer.made.pixels)
        # what came from disk took no seconds, and changes nothing of what is on disk
        self._finished += final and page.facts["seconds"] > 0
        with self.view.hold_sync():
            if self._partials.allows(answer.done):
                self._draw(pixels)
            self.view.made = {
                "state": "there" if final else "computing", "words": words(answer), "variant": answer.variant,
                "progress": "" if final else answer.progress, "rise": _points(page.rise), "steps": page.recipe.steps,
                "button": "" if final else "stop",
            }  # fmt: skip

    def _draw(self, pixels: list[np.ndarray]) -> None:
        several = len(pixels) > 1
        drawn = photo_mosaic(pixels, 2, FACET) if several else photo_mosaic(pixels, 1, SIDE)
        self.picture = np.concatenate(pixels, 1) if several else pixels[0]
        self.card.illustrate("made", Illustration("made", self.picture))
        self.view.made_picture = drawn.data
        self._partials.spend(len(drawn.data))

    def wait(self, progress: str = "") -> None:
        self._partials.begin()
        # what is known on disk is there in a moment: nothing is said of it
        if self._making or self._variant != "channel":
            self.view.made = {**self.view.made, "state": "computing", "progress": "begins", "button": "stop"}

    def fail(self, error: BaseException) -> None:
        ours = isinstance(error, NbvizError)
        self._making = False
        self._clear({"state": "failed", "words": error_words(error), "button": "" if ours else "make it"})

    def sync(self, selection: Selection) -> None:
        if self.card.subject(selection) is None and self.view.made.get("state") != "":
            self._clear({"state": ""})

    def _clear(self, made: dict[str, Any]) -> None:
        self.picture = None
        self.card.illustrate("made", None)
        with self.view.hold_sync():
            self.view.made, self.view.made_picture = {"variant": self._variant, **made}, b""

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event not in ("make", "stop", "variant"):
            return
        # stopping turns it off for the channels that follow, too
        self._making = event == "make" or (event == "variant" and self._making)
        if event != "make":
            self._variant = content.get("variant", "channel")
        self.links.ask()


def words(answer: OneMade) -> str:
    """Describe the picture."""
    taken = answer.made.rise[0][np.isfinite(answer.made.rise[0])]
    name, steps = f"channel {answer.channel} of {answer.layer}", answer.made.recipe.steps
    to = (
        f": mean activation from {three_digits(float(taken[0]))} to {three_digits(float(taken[-1]))}"
        if len(taken)
        else ""
    )
    if answer.variant == "facets":
        return f"Four pictures unlike each other, each made from noise to drive {name}, in {steps} steps"
    if answer.variant == "opposite":
        return f"Made from noise to drive {name} as far below zero as it goes, in {steps} steps"
    return f"Made from noise to drive {name} most, in {steps} steps{to}"


def _points(rise: np.ndarray) -> list[list[float]]:
    """Return the objective at each step, one list per picture; steps not taken are left out."""
    return [[round(float(value), 5) for value in row if np.isfinite(value)] for row in rise]
