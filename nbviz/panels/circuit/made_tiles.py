"""Pictures made for channels of a walk, on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbviz.drawing.photos import photo_mosaic
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.session.requests.base import Request
from nbviz.session.requests.made import MadeAnswer, MakeChannels
from nbviz.session.selection import Selection

Named = tuple[str, tuple[int, ...]]
"""A layer, and channels of it."""


class MadeTiles(Panel):
    """Panel of pictures made for channels, one under the other, once they are ``wanted``; draws into another's view."""

    edits = False

    def __init__(
        self, links: Links, slot: str, front: Front, trait: str, side: int, channels: Callable[[], Named | None]
    ) -> None:
        """trait: of the front, takes the JPEG; side: pixels of a picture; channels: those that are on show."""
        super().__init__(links)
        self.slot, self.view, self.wanted = slot, front, False
        self._trait, self._side, self._channels = trait, side, channels
        self._for: Named | None = None

    def request(self, selection: Selection) -> Request | None:
        asked = self._channels()
        if asked != self._for:
            self._for = asked
            # the pictures of other channels must not stand beside these while theirs are made
            self._put(b"", "")
        return MakeChannels(*asked, "preview") if asked is not None and self.wanted else None

    def show(self, answer: MadeAnswer) -> None:
        pictures = [answer.pixels(channel) for channel in answer.channels]
        self._put(photo_mosaic(pictures, 1, self._side).data, answer.progress if answer.done < 1 else "")

    def wait(self, progress: str = "") -> None:
        self._put(None, "making pictures")

    def fail(self, error: BaseException) -> None:
        self._put(b"", f"no pictures: {error}")

    def _put(self, picture: bytes | None, progress: str) -> None:
        changes: dict[str, Any] = {"making": progress} | ({} if picture is None else {self._trait: picture})
        with self.view.hold_sync():
            for name, value in changes.items():
                self.view.set_trait(name, value)
