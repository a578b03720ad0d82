"""Card of one map among several side by side: its picture, its scale, its facts and its buttons.

The card of a pin is a panel of its own: it asks, sharpens, fails and is cancelled like any other. Those of the live map
and of a difference show what they are given.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import traitlets
from PIL import Image

from nbviz.attribution.words import progress_lines
from nbviz.drawing.overlay import Limits, backdrop, colour_bar, heat_rgba, table
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail
from nbviz.panels.pins.pin_scene import PinScene, codes, pin_scene
from nbviz.panels.snapshot.parts import PinPart
from nbviz.session.context import Elsewhere
from nbviz.session.pins.pin import Pin
from nbviz.session.pins.pinning import STAGE
from nbviz.session.requests.base import Answer, Request
from nbviz.session.selection import Selection

SMOOTH = 256
"""Longest side at which an interpolated map is drawn, pixels; the browser's too."""


class PinFront(Front):
    """Widget that draws a map from its values.

    Sends ``show``, ``difference``, ``unpin``, ``against`` (name), ``cancel`` and ``retry``.
    """

    scripts = ("pin_values",)

    kind = traitlets.Enum(["pin", "live", "difference"], "pin").tag(sync=True)
    shown = traitlets.Bool(True).tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    """The picture's name where it is another than the live one's, and the network's."""
    values = traitlets.Bytes().tag(sync=True)
    """See :func:`~nbviz.panels.pins.pin_scene.codes`; empty where there is no map."""
    peak = traitlets.Float(1.0).tag(sync=True)
    """The value that ``STEPS`` stands for."""
    grid: traitlets.List[int] = traitlets.List([1, 1]).tag(sync=True)
    """(rows, columns) of ``values``."""
    size: traitlets.List[int] = traitlets.List([1, 1]).tag(sync=True)
    """(rows, columns) of the network's input."""
    low = traitlets.Float(0.0).tag(sync=True)
    high = traitlets.Float(1.0).tag(sync=True)
    """Values of the end colours."""
    smooth = traitlets.Bool(False).tag(sync=True)
    """True if values are interpolated between places."""
    colours = traitlets.Bytes().tag(sync=True)
    """uint8 (256, 4): the colour table."""
    bar = traitlets.Bytes().tag(sync=True)
    ends: traitlets.List[str] = traitlets.List(["", "", ""]).tag(sync=True)
    """Low end, high end and meaning of the colours."""
    picture = traitlets.Bytes().tag(sync=True)
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    done = traitlets.Float(1.0).tag(sync=True)
    acts: traitlets.List[str] = traitlets.List().tag(sync=True)
    """The buttons: "show", "difference", "unpin"."""
    different = traitlets.Bool(False).tag(sync=True)
    """True if its difference is on show."""
    others: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[[name, title], …] of what a difference may be taken against."""
    other = traitlets.Unicode().tag(sync=True)


class MapCard:
    """Card that shows scenes."""

    def __init__(self, kind: str, acts: Sequence[str] = ()) -> None:
        self.front = PinFront(kind=kind, acts=list(acts))
        self.scene: PinScene | None = None

    def paint(self, scene: PinScene) -> None:
        """Show a scene on its own scale."""
        self.scene, front, partial = scene, self.front, scene.done < 1
        with LOCK, front.hold_sync():
            front.state = "partial" if partial else "nothing" if scene.nothing else "ready"
            front.message, front.details, front.done = scene.nothing, "", scene.done
            front.values, front.peak = (b"", 1.0) if scene.empty else codes(scene.values)
            front.grid, front.size, front.smooth = list(scene.values.shape), list(scene.size), scene.smooth
            front.picture, front.caption = scene.backdrop, scene.caption
            front.lines = progress_lines(scene.progress, {}) if partial else scene.lines
            front.colours, front.bar = _colours(scene.signed)
            self.rescale(None)

    def rescale(self, high: float | None) -> None:
        """Draw what is on show on its own scale, or on one that ends at ``high``: no pixel travels."""
        scene = self.scene
        if scene is None:
            return
        top = scene.high if high is None else high
        with LOCK, self.front.hold_sync():
            self.front.low, self.front.high = -top if scene.signed else 0.0, top
            self.front.ends = list(scene.ends(high))

    def heat(self) -> np.ndarray | None:
        """Return the browser's drawing of the map, uint8 (h, w, 4); None where there is nothing."""
        scene = self.scene
        if scene is None or scene.empty:
            return None
        values = scene.values
        # as the browser does, so that a still picture is what was seen
        if scene.smooth:
            share = min(1.0, SMOOTH / max(scene.size))
            height, width = (max(1, round(side * share)) for side in scene.size)
            values = np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR))
        return heat_rgba(values, Limits(self.front.low, self.front.high), scene.signed)

    def still(self, opacity: float) -> PinPart:
        """Return the card's part of a still picture; opacity: the heat's."""
        front, scene = self.front, self.scene
        picture = Image.open(io.BytesIO(front.picture)) if front.picture else None
        lines = front.lines if not front.message else [*front.lines, front.message]
        if scene is None:
            return PinPart(front.title, front.note, picture, lines=lines)
        return PinPart(
            front.title, front.note, picture, self.heat(), opacity, *scene.size, scene.smooth, scene.signed,
            (front.ends[0], front.ends[1]), lines,
        )  # fmt: skip

    def wait(self, words: str = "computing", picture: Callable[[], bytes] | None = None) -> None:
        """Show that its map is being computed, over the picture where none is on show yet."""
        with LOCK, self.front.hold_sync():
            if picture and not self.front.picture:
                self.front.picture = picture()
            self.front.state, self.front.message, self.front.details = "computing", "", ""
            self.front.done, self.front.lines = 0.0, [[(words, "strong")]]

    def clear(self) -> None:
        """Show no map."""
        self.scene = None
        with LOCK, self.front.hold_sync():
            self.front.values, self.front.ends, self.front.lines, self.front.caption = b"", ["", "", ""], [], ""


class PinCard(Panel):
    """Card of one pin."""

    reads, asks = frozenset(("image", "stage")), frozenset(("stage",))
    edits = False

    def __init__(
        self,
        links: Links,
        slot: str,
        pin: Pin,
        changed: Callable[[], None],
        act: Callable[[PinCard, Content], None],
    ) -> None:
        """changed: called when it shows something else than before; act: answers a person's event."""
        super().__init__(links)
        self.slot, self.pin = slot, pin
        # another network's map can't be shown on the canvas, which is this network's
        self.card = MapCard("pin", (["show"] if not pin.network else []) + ["difference", "unpin"])
        self.view = self.card.front
        self.view.title = pin.title(self.asked_model)
        self._changed = changed
        self.listen(self.view, lambda content: act(self, content))

    @property
    def asked_model(self) -> InstrumentedModel:
        """Network that the pin asks."""
        return self.selection.networks[self.pin.network].model if self.pin.network else self.model

    @property
    def scene(self) -> PinScene | None:
        """Scene on show."""
        return self.card.scene

    @property
    def begun(self) -> bool:
        """True if it shows a map, or why there is none."""
        return self.scene is not None or self.view.state != "ready"

    def request(self, selection: Selection) -> Request | None:
        if selection.stage != STAGE:
            return None
        context = selection.networks.get(self.pin.network)
        # with its version: a network beside that is trained on is another request
        return Elsewhere(context, context.version(), self.own_request) if context else self.own_request

    @property
    def own_request(self) -> Request:
        """Request of the pin, made of its own network."""
        return self.pin.request(self.pictures[self.pin.picture])

    def sync(self, selection: Selection) -> None:
        parts = [self.pin.network, self.pin.picture if self.pin.picture != selection.image else ""]
        self.view.note = " · ".join(part for part in parts if part)

    def show(self, answer: Answer) -> None:
        scene = pin_scene(self.own_request, answer, self.pin.picture)
        self.card.paint(scene)
        # with the layer that it was made at, which only an answer tells where the pin names none
        self.view.title = replace(self.pin, layer=scene.layer or self.pin.layer).title(self.asked_model)
        self._changed()

    def wait(self, progress: str = "") -> None:
        self.card.wait(progress or "computing", self._backdrop)

    def _backdrop(self) -> bytes:
        try:
            return backdrop(self.asked_model.seen(self.pictures[self.pin.picture]))
        except (NbvizError, OSError, RuntimeError):  # the picture itself may be what fails: its card will say so
            return b""

    def fail(self, error: BaseException) -> None:
        self.card.clear()
        with LOCK:
            fail(self.view, error)
        self._changed()

    def cancelled(self) -> None:
        """Show that the reader stopped the computation."""
        with LOCK, self.view.hold_sync():
            if self.view.state in ("computing", "partial"):
                message = "Cancelled; the map shown is unfinished." if self.view.state == "partial" else "Cancelled."
                self.view.state, self.view.message, self.view.lines = "failed", message, []


@cache
def _colours(signed: bool) -> tuple[bytes, bytes]:
    return table(signed).tobytes(), colour_bar(110, 9, signed)
