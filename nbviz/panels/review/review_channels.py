"""The page Channels: channels of the chosen layer by what they do to a class, and the pictures that drive each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nbviz.drawing.photos import photo_mosaic
from nbviz.errors import NbvizError
from nbviz.panels.base.links import Links
from nbviz.panels.review.layer_page import LayerPage
from nbviz.panels.review.listed_pictures import ListedPictures
from nbviz.panels.review.review_front import ReviewFront
from nbviz.panels.review.words.channels import ABOUT, ORDERS, about_study, channel_row, ordered
from nbviz.passes.feature_maps import channel_layer
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Request
from nbviz.session.requests.probes.channels import StudyAnswer, StudyChannels
from nbviz.session.requests.review import ReviewPage
from nbviz.session.selection import Selection

ROWS, PICTURES, SIDE = 24, 5, 64
"""Channels that are listed, pictures of each, and pixels a side of one."""


class ChannelPage(LayerPage):
    """Channels of the chosen layer, one of several orders."""

    slot, trait = "review channels", "rows"

    def __init__(self, links: Links, view: ReviewFront) -> None:
        super().__init__(links, view)
        self.order = ORDERS[0][0]
        self.driving = DrivingPictures(links, view)
        self._answer: StudyAnswer | None = None

    def first(self) -> dict[str, Any]:
        self._answer = None
        self.driving.clear()
        try:
            count = channel_layer(self.model, self.layer).channels
        except NbvizError as reason:
            return {"kind": "channels", "rows": [], "words": [str(reason)]}
        offer = [f"Measure the {count} channels of {self.layer}", "Seconds to minutes; it can be stopped"]
        return {"kind": "channels", "rows": [], "words": [ABOUT], "offer": offer}

    def request(self, selection: Selection) -> Request | None:
        return StudyChannels(self.review, self.layer) if self.review is not None and self.begun else None

    def show(self, answer: StudyAnswer) -> None:
        before, self._answer = self._answer, answer
        if answer.study is None:
            self.draw({"kind": "channels", "rows": [], "words": [], "progress": answer.progress, "done": answer.done})
        elif before is not None and answer.study is before.study:
            self.draw({**self.state, "progress": answer.progress, "done": answer.done})
        else:
            self._list()
            self.links.ask()  # for their pictures

    def begin(self, begun: bool) -> None:
        answer = self._answer
        super().begin(begun)
        # what a stopped study has measured so far stays, beside the offer to measure all
        if not begun and answer is not None and answer.study is not None and answer.done < 1:
            self._answer = replace(answer, progress="", done=1.0)
            self._list(self.state["offer"])
            self.links.ask()

    def sort(self, order: str) -> None:
        """List the channels in another order."""
        if order in [one[0] for one in ORDERS]:
            self.order = order
            self._list()

    def _list(self, offer: Sequence[str] = ()) -> None:
        if self._answer is None or self._answer.study is None or self._answer.table is None:
            return
        study, table = self._answer.study, self._answer.table
        shown = ordered(table, self.order).head(ROWS)
        # where no channel moves a score, there is no length to divide the bars by
        extent = max(float(np.nanmax(table[["effect", "low", "high"]].abs().to_numpy())), 1e-12)
        self.driving.choose(self.review, study.top[shown["channel"].to_numpy(), :PICTURES])
        # all others are by concepts, which only a network with a linear last layer has
        orders = [one for one in ORDERS if study.concepts is not None or one[0] in ("effect", "channel")]
        self.draw({
            "kind": "channels", "words": about_study(table), "offer": list(offer),
            "progress": self._answer.progress, "done": self._answer.done,
            "rows": [channel_row(row, study, extent) for row in shown.to_dict("records")],
            "orders": [list(one) for one in orders], "order": self.order,
        })  # fmt: skip


class DrivingPictures(ListedPictures):
    """Pictures that drive the channels listed most."""

    slot = "review channel pictures"

    def __init__(self, links: Links, view: ReviewFront) -> None:
        super().__init__(links, view)
        self._items: list[list[int]] = []
        """Of each channel listed; −1 where it has none."""

    def clear(self) -> None:
        """List no channel."""
        self.choose(None, [])

    def choose(self, review: Review | None, items: Sequence[Sequence[int]] | np.ndarray) -> None:
        """Show the pictures of other channels, (channels, pictures)."""
        self.review, self._items, self.view.driving = review, np.asarray(items).tolist(), b""

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(sorted({item for row in self._items for item in row if item >= 0}))

    def show(self, answer: ReviewPage) -> None:
        read = dict(zip(self.numbers, answer.pictures, strict=False))
        if answer.done == 1:
            self.view.driving = photo_mosaic(
                [read.get(item) for row in self._items for item in row], PICTURES, SIDE
            ).data
