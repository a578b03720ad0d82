"""Stage of parts: the layer's activation of the picture as a few, where each is, what it adds to the class.

One sheet holds the whole and every part alone, so that choosing one costs no message. Pictures are made when they
are asked for: that takes seconds, the parts themselves a fraction of one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets
from PIL import Image

from nbviz.drawing.numbers import percent, three_digits
from nbviz.drawing.overlay import gray, overlay, png
from nbviz.drawing.palette import NAMES, alone, hexed, laid
from nbviz.drawing.photos import jpeg
from nbviz.features.factors import FEWEST, MOST, Factors, Nothing
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content
from nbviz.panels.base.stage import Stage, register
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.scenes.allowance import Allowance
from nbviz.panels.snapshot.parts import StagePart, StillParts
from nbviz.session.requests.base import Request
from nbviz.session.requests.factors import PartsAnswer, ShowParts
from nbviz.session.selection import CHANNELS, Selection

LETTERS = "ABCDEFGHIJKL"
"""One for each part, of as many as there may be."""
OPACITY = 0.8
"""Of the parts over the picture, here and in the stylesheet."""
PARTIALS = 400_000
"""Bytes of all unfinished pictures of one question."""
SHARE = "how much of all that the parts say is said by this one"
GAIN = "about what the score would lose without this part (gradient × part, summed over places and channels)"


class PartsFront(Front):
    """Widget of the picture in its parts' colours, and one row per part.

    Sends ``{"event": …}``: count (count), make, channel (channel), retry.
    """

    about = traitlets.Unicode().tag(sync=True)
    """The layer as text, beside the title."""
    count = traitlets.Int(6).tag(sync=True)
    counts: traitlets.List[Any] = traitlets.List(list(range(FEWEST, MOST + 1))).tag(sync=True)
    backdrop = traitlets.Bytes().tag(sync=True)
    """PNG of the picture in gray."""
    aspect = traitlets.Float(1.0).tag(sync=True)
    """Width over height of the picture."""
    sheet = traitlets.Bytes().tag(sync=True)
    """PNG: all parts together, below it each alone, one under the other."""
    grid: traitlets.List[Any] = traitlets.List([0, 0]).tag(sync=True)
    """Rows and columns of the layer's places."""
    strongest = traitlets.Bytes().tag(sync=True)
    """A byte a place, row by row: which part is the largest there; 255 where none is."""
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """A part each: letter, colour, share, gain, channels, words."""
    target = traitlets.Unicode().tag(sync=True)
    caption: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs below the picture."""
    note = traitlets.Unicode().tag(sync=True)
    made = traitlets.Bytes().tag(sync=True)
    """JPEG of the made pictures, one under the other; empty where none are."""
    making = traitlets.Bool(False).tag(sync=True)
    """True if pictures are asked for."""
    progress = traitlets.Unicode().tag(sync=True)
    marked = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The part strongest at the place pointed at."""


@register
class PartsStage(Stage):
    """Stage that chooses the channel that a person clicks among a part's."""

    slot, title, order = "parts", "Parts", 10
    reads, asks = frozenset(("image", "layer", "target", "place")), frozenset(("image", "layer", "target"))
    sentence = "What the layer makes of this picture, in a few parts that add up"

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.count = 6
        self._made: set[tuple[Any, ...]] = set()
        """Questions whose pictures were asked for: they stay asked for."""
        self._answer: PartsAnswer | None = None
        self._partials = Allowance(PARTIALS)
        self.view = PartsFront()
        self.listen(self.view, self._act)

    def request(self, selection: Selection) -> Request | None:
        if not self.on_show(selection):
            return None
        target = Target.ensure(selection.target, self.model)
        pictures = self._key(selection) in self._made
        return ShowParts(self.pictures[selection.image], selection.layer, target, self.count, pictures)

    def _key(self, selection: Selection) -> tuple[Any, ...]:
        # without the class: parts and their pictures are the same for every class
        return selection.image, selection.layer, self.count

    def sync(self, selection: Selection) -> None:
        with LOCK, self.view.hold_sync():
            self.view.count = self.count
            self.view.making = self._key(selection) in self._made
        self.point(selection.place)

    def point(self, place: tuple[float, float] | None) -> None:
        """Mark the part that is strongest at a place (row, column as fractions of the picture), or none."""
        part = None
        if place is not None and self._answer is not None:
            maps = self._answer.parts.maps
            row, column = (min(int(at * size), size - 1) for at, size in zip(place, maps.shape[1:], strict=True))
            part = int(maps[:, row, column].argmax()) if maps[:, row, column].any() else None
        self.view.marked = part

    def show(self, answer: PartsAnswer) -> None:
        # pictures come in many answers with the same parts, whose sheet need not travel again
        fresh = self._answer is None or self._answer.parts is not answer.parts
        self._answer = answer
        parts, view = answer.parts, self.view
        with view.hold_sync():
            ready(view)
            if fresh:
                view.about = about(parts)
                view.sheet, view.strongest = sheet(parts), winners(parts)
                view.grid = list(parts.maps.shape[1:])
                # one of gray's channels: they are alike
                view.backdrop = png(gray(answer.seen)[..., 0])
                view.aspect = answer.seen.shape[1] / answer.seen.shape[0]
            view.rows, view.target = rows(answer), answer.target
            view.caption, view.note = caption(answer), note(answer)
            view.progress = "" if answer.made is None else answer.progress
            if answer.made is None:
                view.made = b""
            elif self._partials.allows(answer.done):
                pixels = answer.made.pixels
                view.made = jpeg(pixels.reshape(-1, *pixels.shape[2:]))
                self._partials.spend(len(view.made))
            view.state = "partial" if answer.done < 1 else "ready"

    def wait(self, progress: str = "") -> None:
        self._partials.begin()
        self.view.state, self.view.message = "computing", progress

    def fail(self, error: BaseException) -> None:
        self._answer = None
        with self.view.hold_sync():
            self.view.about, self.view.caption, self.view.note = self.selection.layer, [], ""
            self.view.rows, self.view.sheet, self.view.made, self.view.progress = [], b"", b"", ""
            fail(self.view, error)
            # a layer that is zero on this picture is no failure
            if isinstance(error, Nothing):
                self.view.state = "nothing"

    def still(self) -> StillParts:
        if self._answer is None:
            return {}
        said = [line for line in (caption(self._answer), [note(self._answer)]) if line != [""]]
        legend = [f"{row['letter']} ({NAMES[place]}) {row['share']}" for place, row in enumerate(rows(self._answer))]
        lines = [*said, [" · ".join(legend)]]
        return {"stage": StagePart(self.title, [about(self._answer.parts)], over(self._answer), lines)}

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "channel":
            self.selection.change(channel=content["channel"], stage=CHANNELS)
        elif event in ("count", "make"):
            if event == "count":
                self.count = min(max(int(content["count"]), FEWEST), MOST)
            else:
                self._made.add(self._key(self.selection))
            self.sync(self.selection)
            self.links.ask()


def about(parts: Factors) -> str:
    """Describe the layer: ``"blocks.4.body.2 · 240 of 28 × 28"``."""
    height, width = parts.maps.shape[1:]
    return f"{parts.layer} · {parts.directions.shape[1]} of {height} × {width}"


def sheet(parts: Factors) -> bytes:
    """Draw all parts laid together, and each alone, one under the other."""
    single = [alone(one, place) for place, one in enumerate(parts.maps)]
    return png(np.concatenate([laid(parts.maps), *single]))


def over(answer: PartsAnswer) -> np.ndarray:
    """Draw all parts over the picture in gray, uint8 (H, W, 3)."""
    backdrop = gray(answer.seen)
    size = (backdrop.shape[1], backdrop.shape[0])
    # not smoothed: each pixel is a place of the layer
    large = Image.fromarray(laid(answer.parts.maps)).resize(size, Image.Resampling.NEAREST)
    return overlay(backdrop, np.asarray(large.convert("RGBA")), OPACITY)


def winners(parts: Factors) -> bytes:
    """Return the strongest part of each place; 255 where none is above zero."""
    # a byte a place: pointing then costs no message
    return np.where(parts.maps.any(0), parts.strongest, 255).astype(np.uint8).tobytes()


def rows(answer: PartsAnswer) -> list[dict[str, Any]]:
    """Return the legend: one row per part."""
    parts = answer.parts
    result = []
    for part in range(len(parts.maps)):
        gain = None if answer.contributions is None else three_digits(float(answer.contributions[part]), plus=True)
        share = percent(float(parts.shares[part]))
        words = f"Part {LETTERS[part]}, {NAMES[part]}: {share} of what the parts say"
        if gain:
            words += f", {gain} for {answer.target}"
        result.append({
            "letter": LETTERS[part], "colour": hexed(part), "share": share, "gain": gain or "",
            "channels": parts.channels(part), "words": words, "tips": [SHARE, GAIN],
        })  # fmt: skip
    return result


def caption(answer: PartsAnswer) -> list[Any]:
    """Return the caption of the picture, as runs."""
    parts = answer.parts
    count = f"{len(parts.maps)} parts explain " if len(parts.maps) > 1 else "1 part explains "
    line: list[Any] = [count, [percent(parts.explained), "strong"], " of the layer's activation."]
    line.append(" Each place has the colour of its strongest part, as bright as that is strong.")
    if answer.contributions is not None and not answer.total and not answer.contributions.any():
        line.append(" None of these places reaches the score.")
    elif answer.contributions is not None and answer.total is not None:
        rest = answer.total - float(answer.contributions.sum())
        adds = [three_digits(value, plus=True) for value in (answer.total, answer.total - rest, rest)]
        line += [" For ", [answer.target, "em"], " the layer adds {}: the parts {}, the rest {}.".format(*adds)]
    elif answer.done == 1:
        line.append(" The score does not come through this layer.")
    return line


def note(answer: PartsAnswer) -> str:
    """Return what has to be known to read the parts right."""
    parts, sentences = answer.parts, []
    if len(parts.maps) < parts.asked:
        sentences.append(f"{parts.asked} were asked for; the layer is made of no more.")
    if parts.signed:
        sentences.append(
            "This layer has values below zero: a part raises some channels and lowers others, and its map says how "
            "much of it is there."
        )
    if len(parts.maps) > 7:
        sentences.append("Beyond G colours come close to each other for some eyes: go by the letters.")
    return " ".join(sentences)
