"""Card of the chosen channel: its map over the picture, what drives it, made and found, and its figures.

What is made and found comes from panels of their own, which draw into this view. The map and the gray picture
travel apart and are laid over each other on screen: another channel of the same picture sends its map alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets
from PIL import Image

from nbviz.drawing.numbers import ordinal, percent, three_digits
from nbviz.drawing.overlay import backdrop, filters_mosaic, gray, heat_rgba, png, scale, table
from nbviz.errors import NbvizError
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.snapshot.over import laid_over
from nbviz.panels.snapshot.parts import CardPart, StillParts
from nbviz.session.requests.base import ChannelAnswer, ChannelRequest, FiltersRequest, Request
from nbviz.session.requests.health import HealthAnswer
from nbviz.session.selection import Selection

CONTRIBUTION = "about what the score would lose without it (gradient × activation, summed over places)"


class ChannelCard(Front):
    """Title, pictures and figures of one channel.

    Sends ``{"event": …}``: canvas, explanation, make, stop, variant (variant), look, open (item).
    """

    scripts = ("card_parts",)

    channel = traitlets.Int(None, allow_none=True).tag(sync=True)
    about: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs beside the title: text, or [text, "em"]."""
    map = traitlets.Bytes().tag(sync=True)
    """PNG of the channel's map; empty where it has no places."""
    backdrop = traitlets.Bytes().tag(sync=True)
    """JPEG of the picture in gray."""
    aspect = traitlets.Float(1.0).tag(sync=True)
    """Width over height of the picture."""
    alt = traitlets.Unicode().tag(sync=True)
    figures: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[[name, value, explanation], …]"""
    on_canvas = traitlets.Bool(False).tag(sync=True)
    health: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[word, sentence], at the end of the title line; empty where nobody has judged."""
    made: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    """state ("", "absent", "computing", "there", "failed"), words, progress, rise, steps, variant, button."""
    made_picture = traitlets.Bytes().tag(sync=True)
    """JPEG: one square, or two by two."""
    filter = traitlets.Bytes().tag(sync=True)
    """PNG of the filter, where its kernels are colours; else empty."""
    found: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    """state, label, tiles [[words, [left, top, width, height], item], …], sheet, whole, profile, more, button."""
    crops = traitlets.Bytes().tag(sync=True)
    wholes = traitlets.Bytes().tag(sync=True)
    """JPEGs of the found parts, and of the pictures they are in."""


@dataclass(frozen=True, eq=False)
class Illustration:
    """Picture of the channel on the card, made or found, for a still picture."""

    label: str
    picture: np.ndarray | Image.Image
    note: str = ""


class ChannelPanel(Panel):
    """Panel of the chosen channel; its button writes ``selection.canvas``."""

    slot = "channel"
    reads = frozenset(("image", "layer", "target", "channel", "canvas"))
    asks = frozenset(("image", "layer", "target", "channel"))

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self._shown: tuple[str, int] | None = None
        """Layer and channel on show."""
        self._health: HealthAnswer | None = None
        self._answer: ChannelAnswer | None = None
        self._illustrations: dict[str, Illustration] = {}
        """"made" and "found" → the picture of the channel that a still picture shows."""
        self.view = ChannelCard()
        self.listen(self.view, self._act)

    def request(self, selection: Selection) -> Request | None:
        target = Target.ensure(selection.target, self.model)
        return ChannelRequest(self.pictures[selection.image], selection.layer, target, selection.channel)

    def sync(self, selection: Selection) -> None:
        self.view.on_canvas = selection.canvas == "channel"

    def subject(self, selection: Selection) -> tuple[str, int] | None:
        """Return layer and channel of the card; None where the channel isn't known yet."""
        if selection.channel is not None:
            return selection.layer, selection.channel
        # the layer's first by contribution is known only once the channels are: until then nobody asks about it
        return self._shown if self._shown is not None and self._shown[0] == selection.layer else None

    def illustrate(self, name: str, illustration: Illustration | None) -> None:
        """Take the pictures that a still picture shows beside the map, made or found; None for none."""
        self._illustrations.pop(name, None)
        if illustration is not None:
            self._illustrations[name] = illustration

    def still(self) -> StillParts:
        answer, view = self._answer, self.view
        if answer is None:
            return {}
        maps, here = answer.channels.maps, None
        if maps.places:
            here = laid_over(gray(answer.seen), heat_rgba(maps.values[answer.channel], None, maps.signed))
        drawn = [self._illustrations[name] for name in ("made", "found") if name in self._illustrations]
        about = [*view.about, *([" · ", view.health[0]] if view.health else [])]
        shown = [(name, value) for name, value, *_ in view.figures]
        others, note = [(one.label, one.picture) for one in drawn], " ".join(one.note for one in drawn)
        return {"card": CardPart(answer.channel, about, here, others, shown, note=note.strip())}

    def show(self, answer: ChannelAnswer) -> None:
        self._answer = answer
        self._shown = answer.channels.layer, answer.channel
        values = answer.channels.maps.values[answer.channel]
        places = answer.channels.maps.places
        with self.view.hold_sync():
            ready(self.view)
            self.view.channel, self.view.about = answer.channel, about(answer)
            self.view.map = map_png(values, answer.channels.maps.signed) if places else b""
            self.view.backdrop, self.view.aspect = backdrop(answer.seen), answer.seen.shape[1] / answer.seen.shape[0]
            self.view.figures, self.view.alt = figures(answer), alt(answer)
            self.view.filter = self._filter(*self._shown)
            self._say_health()

    def judge(self, found: HealthAnswer | None) -> None:
        """Take the health of the network's channels; None for none."""
        self._health = found
        self._say_health()

    def _say_health(self) -> None:
        judged = self._health.of(*self._shown) if self._health is not None and self._shown is not None else None
        self.view.health = list(judged) if judged is not None else []

    def _filter(self, name: str, channel: int) -> bytes:
        weights = self.links.context.answer(FiltersRequest(name)).weights  # asking the network takes milliseconds
        # kernels over three channels are the only ones that are colours
        if weights is None or weights.ndim != 4 or weights.shape[1] != 3 or channel >= len(weights):
            return b""
        return filters_mosaic(weights, 1, order=[channel]).data

    def wait(self, progress: str = "") -> None:
        self.view.state, self.view.message = "computing", progress

    def fail(self, error: BaseException) -> None:
        self._shown = self._answer = None
        with self.view.hold_sync():
            self.view.channel, self.view.about, self.view.figures = None, [], []
            self.view.made, self.view.found, self.view.filter, self.view.health = {}, {}, b"", []
            self.view.map, self.view.alt = b"", ""
            # the grid above says why in full; here it would stand twice
            if isinstance(error, NbvizError):
                self.view.state, self.view.message, self.view.details = "nothing", "No channel to show.", ""
            else:
                fail(self.view, error)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event in ("canvas", "explanation"):
            self.selection.canvas = "channel" if event == "canvas" else "explanation"


def map_png(values: np.ndarray, signed: bool) -> bytes:
    """Draw one channel's map (h, w) as a palette PNG at its own resolution, on its own scale."""
    return png(scale(values, signed), table(signed))


def about(answer: ChannelAnswer) -> list[Any]:
    """Return the line beside the title, as runs."""
    channels = answer.channels
    peak, contribution = float(channels.peaks[answer.channel]), float(channels.contributions[answer.channel])
    first = f"peak {three_digits(peak)}" if channels.maps.places else three_digits(peak)
    if np.isnan(contribution):
        return [first]
    last = f" {three_digits(contribution, plus=True)} · {rank(answer)}"
    return [f"{first} · for ", [channels.target, "em"], last]


def figures(answer: ChannelAnswer) -> list[list[str]]:
    """Return the card's table, beyond what the title line says: [name, value, what it means]."""
    channels = answer.channels
    rows = _places(channels.maps.values[answer.channel]) if channels.maps.places else []
    contribution = float(channels.contributions[answer.channel])
    if np.isnan(contribution):
        return [*rows, ["share", "the score does not come through this layer", ""]]
    total = float(np.abs(channels.contributions[np.isfinite(channels.contributions)]).sum())
    if not total:
        return rows
    meaning = f"of what the layer's channels contribute to {channels.target}, signs aside; {CONTRIBUTION}"
    return [*rows, ["share", f"{percent(abs(contribution) / total)} of all", meaning]]


def rank(answer: ChannelAnswer) -> str:
    """Return the rank: ``"4th of 240"``."""
    return f"{ordinal(answer.rank)} of {len(answer.channels.peaks)}"


def _places(values: np.ndarray) -> list[list[str]]:
    height, width = values.shape
    row, column = peak_place(values)
    # of a channel that is off, or at its mean, no place is the peak
    place = "everywhere" if values.min() == values.max() else f"row {row}, column {column}"
    active = f"{percent(float((values > 0).mean()))} of places"
    return [
        ["peak at", place, f"of {height} × {width} places, from 0"],
        ["mean", three_digits(float(values.mean())), "over all places"],
        ["active", active, "places where the channel is above zero"],
    ]


def peak_place(values: np.ndarray) -> tuple[int, int]:
    """Return (row, column) of the largest absolute value of a map (h, w)."""
    row, column = np.unravel_index(int(np.nan_to_num(np.abs(values)).argmax()), values.shape)
    return int(row), int(column)


def alt(answer: ChannelAnswer) -> str:
    """Describe the picture for a reader who can't see it."""
    maps = answer.channels.maps
    if not maps.places:
        return ""
    values = maps.values[answer.channel]
    words = f"Channel {answer.channel} of {answer.channels.layer} over the picture in gray"
    if not np.any(values):
        return f"{words}: no activation anywhere"
    row, column = peak_place(values)
    return f"{words}; strongest at row {row}, column {column} of {values.shape[0]} × {values.shape[1]}"
