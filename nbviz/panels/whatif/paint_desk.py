"""Desk of paint: a brush over the picture, and beside it the stroke's effect on the score.

The browser draws the stroke; at most one mask every 60 ms comes here, and becomes ``selection.draft``: only the scores
and the picture follow. When the stroke ends it becomes an edit, and everything follows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import traitlets

from nbviz.attribution import METHODS
from nbviz.drawing.jpeg import jpeg
from nbviz.drawing.overlay import png
from nbviz.edits import Mask, Paint
from nbviz.edits.paint import FILLS
from nbviz.errors import NbvizError
from nbviz.model.edit import Edit
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.whatif.desk import MAP_READS, Desk
from nbviz.panels.whatif.paint_flip import PaintFlip
from nbviz.panels.whatif.paint_words import OTHER, WORDS, fill_key, fill_words, lines
from nbviz.pictures.picture import Picture, name_words
from nbviz.session.requests.base import ExplainAnswer, Request
from nbviz.session.requests.edits.edited_request import with_edits
from nbviz.session.requests.edits.foretold import FILL_BASELINES
from nbviz.session.requests.edits.paint import MeasurePaint, Painted, top_share
from nbviz.session.requests.on_show import explanation
from nbviz.session.selection import Selection


class PaintFront(Front):
    """Widget of the picture with a brush over it.

    Sends ``{"event": …}``: stroke (end) with the mask's bits, settings (keep, fill), marks or rest (share), flip,
    from_fill, close.
    """

    scripts = ("desk", "paint_mask", "paint_strokes", "paint_flip")

    picture = traitlets.Bytes().tag(sync=True)
    """PNG: as the network sees it, painted; JPEG while a stroke is drawn."""
    rows = traitlets.Int(224).tag(sync=True)
    columns = traitlets.Int(224).tag(sync=True)
    mask = traitlets.Bytes().tag(sync=True)
    """The painted part, row by row, eight pixels a byte; empty for none."""
    keep = traitlets.Bool(False).tag(sync=True)
    fill = traitlets.Unicode("blur").tag(sync=True)
    fills: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[key, words], …]"""
    method = traitlets.Unicode().tag(sync=True)
    """Title of the method whose map the buttons go by."""
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Lines of runs: what was measured."""
    answered = traitlets.Int(0).tag(sync=True)
    """Drafts whose scores are on show: the browser sends the next when the last is answered."""
    offer = traitlets.Unicode().tag(sync=True)
    """Words of the link to the map that foretells this paint exactly; empty for none."""
    flip = traitlets.Dict().tag(sync=True)
    """Hiding curves: start, map and edges [[share, chance], …], band [[share, low, high], …], flip, most."""
    flip_words: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs: how much it takes until the answer changes."""
    flip_share = traitlets.Float(0.0).tag(sync=True)
    """The share that flips it where the map says; 0 for none."""


class PaintDesk(Desk):
    """Desk that writes ``draft`` and ``edits``; the last edit is the one it paints, if that is a :class:`Paint`."""

    slot = tool = "paint"
    hears = ("scores",)
    reads = MAP_READS | {"draft"}

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = PaintFront()
        self.listen(self.view, self._act)
        self._settings: dict[str, Any] = {"keep": False, "fill": "blur"}
        self.until = PaintFlip(links, self)

    def parts(self) -> dict[str, Panel]:
        return {"until it flips": self.until}

    def others(self) -> tuple[Edit, ...]:
        """Edits beneath the paint."""
        return self._painted(None)

    def fill(self) -> str | Picture:
        """Return what is painted with."""
        fill: str | Picture = self._settings["fill"]
        return fill

    def request(self, selection: Selection) -> Request:
        asked = explanation(selection, self.model, self.pictures)
        # while a stroke is drawn only the picture is asked for: maps of a mask that changes 16 times a second help
        # nobody
        edits = selection.edits_on if selection.draft is None else selection.draft
        return MeasurePaint(self.pictures[selection.image], edits, asked, selection.draft is not None)

    def sync(self, selection: Selection) -> None:
        paint = self._paint(selection.edits)
        if paint is not None:
            self._settings = {"keep": paint.keep, "fill": paint.fill}
        elif self._settings["fill"] == self.pictures[selection.image]:  # another picture once, now the one on show
            self._settings["fill"] = "blur"
        with LOCK, self.view.hold_sync():
            self.view.method = METHODS[selection.method].title
            self.view.fills = self._fills()
            self.view.fill = fill_key(self._settings["fill"], self.pictures)
            self.view.keep = self._settings["keep"]
            if selection.draft is None:
                self.view.mask = b"" if paint is None else paint.mask.bits
        self.until.sync(selection)

    def show(self, answer: Painted) -> None:
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self.view.rows, self.view.columns = answer.seen.shape[:2]
            drawing = self.selection.draft is not None
            self.view.picture = jpeg(answer.seen) if drawing else png(answer.seen)
            # while the original is held the lines on the paint stay: without them what stands below would jump
            if not drawing and not self.selection.original:
                self.view.lines = lines(answer, self._share(), self.view.fill)
                self.view.offer = self._offer(answer)

    def _fills(self) -> list[list[str]]:
        """Return what can be painted with: the picture's own, then the other pictures."""
        others = [name for name in self.pictures if name != self.selection.image]
        return [[key, WORDS[key]] for key in FILLS] + [
            [f"{OTHER}{name}", f"with {name_words(name)}"] for name in others
        ]

    def _offer(self, answer: Painted) -> str:
        """Return the words of the link to integrated gradients from what is painted with; empty where they are on."""
        told = answer.foretold
        if told is None or told.way != "sum" or self._paint(self.selection.edits_on) is None:
            return ""
        fill = self.view.fill
        return f"integrated gradients from {fill_words(fill) if fill.startswith(OTHER) else f'this {fill}'}"

    def wait(self, progress: str = "") -> None:
        if self.selection.draft is None:
            self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        self.view.lines = []
        fail(self.view, error)

    def hear(self, slot: str, request: Request | None, answer: object) -> None:
        # the browser waits for this before it sends the next mask: strokes would else queue up behind slow forwards
        if request is not None and self.selection.draft is not None:
            self.view.answered += 1

    def _share(self) -> float:
        paint = self._paint(self.selection.edits_on)
        return 0.0 if paint is None else (1 - paint.mask.share if paint.keep else paint.mask.share)

    @staticmethod
    def _paint(edits: tuple[Edit, ...]) -> Paint | None:
        return edits[-1] if edits and isinstance(edits[-1], Paint) else None

    def _painted(self, mask: Mask | None) -> tuple[Edit, ...]:
        """Return the edits with this mask painted in the last place; without it where nothing is painted."""
        edits = self.selection.edits
        others = edits[:-1] if self._paint(edits) is not None else edits
        return others if mask is None or not any(mask.bits) else (*others, Paint(mask, **self._settings))

    def _act(self, content: Content, *buffers: memoryview) -> None:
        event = content.get("event")
        if event == "stroke" and buffers:
            self._stroke(bytes(buffers[0]), bool(content.get("end")))
        elif event == "settings":
            self._set(content)
        elif event in ("marks", "rest"):
            self._mark(float(content["share"]), event == "rest")
        elif event == "flip":
            self.until.wanted = self.until.scan()
            self.links.ask()
        elif event == "from_fill":
            self._from_fill()
        elif event == "close":
            self.close(content)

    def _from_fill(self) -> None:
        """Explain by integrated gradients whose path begins at what is painted with."""
        paint = self._paint(self.selection.edits)
        if paint is None:
            return
        picture = self.pictures[self.selection.image]
        start: Any = paint.fill
        # a fill without a baseline of that name becomes a tensor: the very pixels that were painted
        if start not in FILL_BASELINES:
            start = paint.substrate(self.model.input(picture), self.model)
        self.selection.change(method="integrated_gradients", options={"baseline": start})

    def _stroke(self, bits: bytes, end: bool) -> None:
        rows, columns = self.view.rows, self.view.columns
        if len(bits) != -(-rows * columns // 8):
            raise NbvizError(
                f"The mask has {len(bits)} bytes; {rows} × {columns} pixels need {-(-rows * columns // 8)}."
            )
        edits = self._painted(Mask(rows, columns, bits))
        if end:
            # one act: with the draft gone first, the picture would flash back to the unpainted one
            self.selection.change(edits=edits, draft=None)
        else:
            self.selection.draft = edits

    def _set(self, content: Content) -> None:
        fill = str(content.get("fill", "blur"))
        other = self.pictures.get(fill.removeprefix(OTHER)) if fill.startswith(OTHER) else None
        settings: dict[str, Any] = {"keep": bool(content.get("keep")), "fill": other or fill}
        paint = self._paint(self.selection.edits)
        # as the browser has it by now: where it is refused, the menu goes back to what is painted with
        self.view.fill, self.view.keep = fill, settings["keep"]
        try:
            if paint is not None:
                self.selection.edits = (*self.selection.edits[:-1], replace(paint, **settings))
            else:
                x = self.model.input(self.pictures[self.selection.image])
                Paint(np.zeros(x.shape[2:], bool), **settings).check_input(x, self.model)
            self._settings = settings
        finally:
            self.sync(self.selection)

    def _mark(self, share: float, rest: bool) -> None:
        """Paint the share of the picture that the map marks most, or all but that."""
        asked, edits = explanation(self.selection, self.model, self.pictures), self._painted(None)
        # the map with the other edits on; while that is being computed, the one without any
        shown = self.links.context.known(with_edits(asked, edits)) or self.links.context.known(asked)
        if not isinstance(shown, ExplainAnswer):
            raise NbvizError("The map is still being computed: what it marks isn't known yet. Try again in a moment.")
        heat = shown.attribution.heat().double().numpy()
        self._settings = {**self._settings, "keep": rest}
        self.selection.edits = self._painted(Mask.of(top_share(np.abs(heat), min(max(share, 0.01), 0.5))))
