"""Desk of transformations: one of them, its slider, and the whole curve along it."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from nbviz.drawing.overlay import png
from nbviz.edits import TRANSFORMS, Transform
from nbviz.model.edit import Edit
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.whatif.desk import MAP_READS, Desk
from nbviz.panels.whatif.transform_draws import TransformDraws, likeness_line, menu
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.transform import MeasureTransform, TransformCurve, Transformed, side_of
from nbviz.session.requests.on_show import explanation
from nbviz.session.selection import Selection

STEPS = 100
"""Of the slider."""


class TransformFront(Front):
    """Widget of a menu of transformations, a slider, the picture and the curve.

    Sends ``{"event": …}``: set (kind, amount), another, draw (place), close.
    """

    scripts = ("desk", "transform_draws")

    kinds: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, words, sentence], …]: transformations, then what can be drawn from."""
    kind = traitlets.Unicode().tag(sync=True)
    amount = traitlets.Float(0.0).tag(sync=True)
    range: traitlets.List[Any] = traitlets.List([0.0, 1.0, 0.0, "", "any"]).tag(sync=True)
    """[lowest, highest, the one that changes nothing, unit, step or "any"]"""
    picture = traitlets.Bytes().tag(sync=True)
    aspect = traitlets.Float(1.0).tag(sync=True)
    curve = traitlets.Dict().tag(sync=True)
    """amounts, lines [[name, shares], …], flips: amounts at which the answer is another."""
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    stacked = traitlets.Bool(False).tag(sync=True)
    """True if this one is on, so that another can be put on top."""
    source = traitlets.Unicode().tag(sync=True)
    """Key of what is drawn from; empty where there is a slider instead."""
    sheets: traitlets.List[Any] = traitlets.List(traitlets.Bytes(), [b"", b""]).tag(sync=True)
    """JPEGs, tile beside tile: the drawn pictures, and their maps."""
    tile = traitlets.Dict().tag(sync=True)
    """Size and place of a tile in the sheets."""
    draws: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[answer, share, whether it is the same, what was done], …]"""
    chosen = traitlets.Int(-1).tag(sync=True)
    """The draw that is on; −1 for none."""


class TransformDesk(Desk):
    """Desk that writes ``edits``: the last one is its transformation, if that is a :class:`Transform`."""

    slot = tool = "transform"
    reads = MAP_READS

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        kinds = [[name, name.replace("_", " "), known.sentence] for name, known in TRANSFORMS.items()]
        self.view = TransformFront(kinds=kinds + menu(list(links.transforms)))
        self.source = ""
        """Key of what is drawn from; empty for the slider."""
        self._drawn: tuple[Edit, ...] = ()
        """Edits of the draw that was chosen last."""
        self.draws = TransformDraws(links, self)
        self.listen(self.view, self._act)
        self._kind = next(iter(TRANSFORMS))
        self._seen: np.ndarray | None = None
        """The changed picture as the network sees it."""
        self._held = False
        """True if the original is on show."""
        self._apart = False
        """True if the last transformation is done with, and the next goes on top of it."""

    def parts(self) -> dict[str, Panel]:
        return {"draws": self.draws}

    def _last(self) -> Transform | None:
        edits = self.selection.edits
        own = not self._apart and not self.source
        return edits[-1] if own and edits and isinstance(edits[-1], Transform) else None

    def _draw_on(self) -> bool:
        """Return whether the draw that was chosen last is on, and nothing after it."""
        drawn = self._drawn
        # looked up, not noted: an undo or a chip may have taken it off meanwhile
        return bool(self.source and drawn) and self.selection.edits[-len(drawn) :] == drawn

    def others(self) -> tuple[Edit, ...]:
        """Edits before the transformation, or before the chosen draw."""
        if self._draw_on():
            return self.selection.edits[: -len(self._drawn)]
        return self.selection.edits[:-1] if self._last() is not None else self.selection.edits

    def edit(self) -> Transform:
        """Transformation that is on, or the chosen one at the amount that changes nothing."""
        return self._last() or Transform(self._kind, TRANSFORMS[self._kind].neutral)

    def request(self, selection: Selection) -> Request | None:
        if self.source:
            return None
        asked = explanation(selection, self.model, self.pictures)
        return MeasureTransform(self.others(), self.edit(), asked)

    def sync(self, selection: Selection) -> None:
        edit = self.edit()
        known = TRANSFORMS[edit.kind]
        with LOCK, self.view.hold_sync():
            low, high = known.span(side_of(self.model, self.pictures[selection.image]))
            # an amount that was written in Python may lie beyond
            ends = [min(low, edit.amount), max(high, edit.amount)]
            self.view.range = [*ends, known.neutral, known.unit, known.step or "any"]
            self.view.kind, self.view.amount = self.source or edit.kind, edit.amount
            self.view.stacked, self.view.source = self._last() is not None, self.source
            self.view.chosen = self._chosen() if self._draw_on() else -1
            if selection.original != self._held:
                self._show_picture()

    def _chosen(self) -> int:
        places = [place for place, one in enumerate(self.draws.answer.draws) if one.edits == self._drawn]
        return places[0] if places else -1

    def show(self, answer: Transformed) -> None:
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self._seen = answer.seen
            self._show_picture()
            if answer.curve is not None:
                self._show_curve(answer.curve)

    def _show_picture(self) -> None:
        """Show the changed picture, or while the original is held that one."""
        self._held = self.selection.original
        seen = self.model.seen(self.pictures[self.selection.image]) if self._held else self._seen
        if seen is not None:
            self.view.picture, self.view.aspect = png(seen), seen.shape[1] / seen.shape[0]

    def _show_curve(self, curve: TransformCurve) -> None:
        names = [self.model.class_name(index) for index in curve.classes]
        columns = list(zip(*curve.shares, strict=True))
        self.view.curve = {
            "amounts": list(curve.amounts), "flips": list(curve.flips),
            "lines": [[name, list(shares)] for name, shares in zip(names, columns, strict=False)],
        }  # fmt: skip
        self.view.lines = lines(curve, self.edit(), names[0]) if curve.best else []

    def wait(self, progress: str = "") -> None:
        self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.lines, self.view.curve = [], {}
            fail(self.view, error)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "set":
            self._set(content)
        elif event == "another":
            self._apart = True
        elif event == "draw":
            self._draw(int(content["place"]))
        elif event == "close":
            self._apart = False
            self.close(content)
            return
        self.sync(self.selection)
        self.links.ask()

    def _set(self, content: Content) -> None:
        kind = str(content["kind"])
        # a preset or a transform of one's own: drawn from, not slid along
        if kind not in TRANSFORMS:
            self.source, self._drawn = kind, ()
            self.view.draws, self.view.lines = [], []
            return
        # what was drawn stays on, and the slider's change goes on top of it
        self._apart = self._apart or bool(self.source)
        self.source = ""
        neutral = TRANSFORMS[kind].neutral
        # an amount of another transformation means nothing for this one
        amount = float(content.get("amount", neutral)) if kind == self.edit().kind else neutral
        others, self._kind = self.others(), kind
        # without one of its own, a transformation beneath must not become the slider's, and be replaced by the next
        self._apart = amount == neutral and bool(others) and isinstance(others[-1], Transform)
        self.selection.edits = others if amount == neutral else (*others, Transform(kind, amount))

    def _draw(self, place: int) -> None:
        """Put a draw on in place of the one that was chosen before; the same one again takes it off."""
        others, on = self.others(), self._chosen() if self._draw_on() else -1
        draws = self.draws.answer.draws
        self._drawn = draws[place].edits if place != on and 0 <= place < len(draws) else ()
        self.selection.edits = (*others, *self._drawn)


def lines(answer: TransformCurve, made: Transform, name: str) -> list[list[Any]]:
    """Describe whether the prediction stays along the range, and whether the map moves with the picture."""
    share, known = [f"{100 * answer.stays:.0f} %", "strong"], TRANSFORMS[made.kind]
    if answer.done == 1 and _still(answer):  # as the saturation of a gray picture
        return [["it changes next to nothing here, neither what the network says nor the map"]]
    result: list[list[Any]] = [["the answer stays ", [name, "em"], " over ", share, " of the range"]]
    if known.step == known.high - known.low:  # there is nothing between
        result = [[f"{known.words}, the answer ", "is no longer " if answer.flips else "stays ", [name, "em"]]]
    elif answer.flips:
        nearest = min(answer.flips, key=lambda amount: abs(amount - known.neutral))
        result[0] += ["; nearest change at ", [known.figure(nearest), "strong"]]
    if (alike := answer.likeness) is not None:
        result.append(likeness_line(alike, known.moves))
    return result


def _still(answer: TransformCurve) -> bool:
    shares = np.array(answer.shares)
    alike = answer.likeness
    return alike is not None and alike.cosine > 1 - 1e-4 and float(np.ptp(shares, axis=0).max()) < 1e-4
