"""Desk of transformations: one of them, its slider, and the whole curve along it."""

from __future__ import annotations

from typing import Any

import traitlets

from nbviz.drawing.numbers import minus, signed
from nbviz.drawing.overlay import png
from nbviz.edits import TRANSFORMS, Transform
from nbviz.model.edit import Edit
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.whatif.desk import Desk
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.transform import MeasureTransform, TransformCurve
from nbviz.session.requests.on_show import explanation
from nbviz.session.selection import Selection

STEPS = 100
"""Of the slider."""


class TransformFront(Front):
    """Widget of a menu of transformations, a slider, the picture and the curve.

    Sends ``{"event": …}``: set (kind, amount), another, close.
    """

    scripts = ("desk",)

    kinds: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, words, sentence], …]"""
    kind = traitlets.Unicode().tag(sync=True)
    amount = traitlets.Float(0.0).tag(sync=True)
    range: traitlets.List[Any] = traitlets.List([0.0, 1.0, 0.0, ""]).tag(sync=True)
    """[lowest, highest, the one that changes nothing, unit]"""
    picture = traitlets.Bytes().tag(sync=True)
    aspect = traitlets.Float(1.0).tag(sync=True)
    curve = traitlets.Dict().tag(sync=True)
    """amounts, lines [[name, shares], …], flips: amounts at which the answer is another."""
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)
    stacked = traitlets.Bool(False).tag(sync=True)
    """True if this one is on, so that another can be put on top."""


class TransformDesk(Desk):
    """Desk that writes ``edits``: the last one is its transformation, if that is a :class:`Transform`."""

    slot = tool = "transform"
    reads = frozenset(("tool", "image", "target", "method", "options", "layer", "at", "edits", "original"))

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        kinds = [[name, name.replace("_", " "), known.sentence] for name, known in TRANSFORMS.items()]
        self.view = TransformFront(kinds=kinds)
        self.listen(self.view, self._act)
        self._kind = next(iter(TRANSFORMS))
        self._apart = False
        """True if the last transformation is done with, and the next goes on top of it."""

    def _last(self) -> Transform | None:
        edits = self.selection.edits
        return edits[-1] if edits and isinstance(edits[-1], Transform) and not self._apart else None

    def others(self) -> tuple[Edit, ...]:
        """Edits before the transformation."""
        return self.selection.edits[:-1] if self._last() is not None else self.selection.edits

    def made(self) -> Transform:
        """Transformation that is on, or the chosen one at the amount that changes nothing."""
        return self._last() or Transform(self._kind, TRANSFORMS[self._kind].neutral)

    def request(self, selection: Selection) -> Request:
        asked = explanation(selection, self.model, self.pictures)
        return MeasureTransform(self.others(), self.made(), asked)

    def sync(self, selection: Selection) -> None:
        edit = self.made()
        known = TRANSFORMS[edit.kind]
        with LOCK, self.view.hold_sync():
            self.view.range = [known.low, known.high, known.neutral, known.unit]
            self.view.kind, self.view.amount = edit.kind, edit.amount
            self.view.stacked = self._last() is not None

    def show(self, answer: TransformCurve) -> None:
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self.view.picture, self.view.aspect = png(answer.seen), answer.seen.shape[1] / answer.seen.shape[0]
            names = [self.model.class_name(index) for index in answer.classes]
            columns = list(zip(*answer.shares, strict=True))
            self.view.curve = {
                "amounts": list(answer.amounts), "flips": list(answer.flips),
                "lines": [[name, list(shares)] for name, shares in zip(names, columns, strict=False)],
            }  # fmt: skip
            self.view.lines = (
                lines(answer, self.made(), self.model.class_name(answer.classes[0])) if answer.best else []
            )

    def wait(self, progress: str = "") -> None:
        self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.lines, self.view.curve = [], {}
            fail(self.view, error)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "set":
            kind = str(content["kind"])
            amount = float(content.get("amount", TRANSFORMS[kind].neutral)) if kind == self.made().kind else None
            edit = Transform(kind, TRANSFORMS[kind].neutral if amount is None else amount)
            others = self.others()
            self._kind = kind
            self._apart = self._apart and edit.amount == TRANSFORMS[kind].neutral
            self.selection.edits = others if edit.amount == TRANSFORMS[kind].neutral else (*others, edit)
            self.sync(self.selection)
            self.links.ask()
        elif event == "another":
            self._apart = True
            self.sync(self.selection)
            self.links.ask()
        elif event == "close":
            self._apart = False
            self.close(content)


def lines(answer: TransformCurve, made: Transform, name: str) -> list[list[Any]]:
    """Describe whether the prediction stays along the range, and whether the map moves with the picture."""
    share = [f"{100 * answer.stays:.0f} %", "strong"]
    result: list[list[Any]] = [["the answer stays ", [name, "em"], " over ", share, " of the range"]]
    if answer.flips:
        known = TRANSFORMS[made.kind]
        nearest = min(answer.flips, key=lambda amount: abs(amount - known.neutral))
        result[0] += ["; nearest change at ", [minus(f"{nearest:g}{known.unit}"), "strong"]]
    if answer.likeness is not None:
        figure = signed(answer.likeness)
        moves = "the map moves with the picture" if answer.likeness > 0.7 else "the map does not move with the picture"
        result.append([f"{moves}: cosine ", [figure, "strong"], " of the moved map with the map of the moved picture"])
    return result
