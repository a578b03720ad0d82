"""Lines over the canvas, and what a click chooses there, of networks that put out maps or boxes."""

from __future__ import annotations

import numpy as np

from nbviz.drawing.overlay import jpeg
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.prediction import Prediction
from nbviz.model.target import Target
from nbviz.panels.base.panel import LOCK, locked
from nbviz.panels.explanation.heat_foot import FootFront
from nbviz.panels.explanation.pointer import PointerFront
from nbviz.panels.scenes.outlines import (
    Outline,
    drawn_on,
    evidence_outline,
    evidence_words,
    found_outlines,
    region_lines,
    region_png,
)
from nbviz.session.requests.base import ExplainAnswer

_KEYS = "Arrow keys read out a place, Enter pins it; plus and minus enlarge, Space shows the photograph."
QUALITY = 85
"""Of the photograph in colour."""
_WHAT = {"maps": "the class said there", "boxes": "the box around it"}


class CanvasLines:
    """Boxes found, borders of predicted regions, the evidence's box: over the canvas, and in still pictures."""

    def __init__(self, model: InstrumentedModel, pointer: PointerFront, foot: FootFront) -> None:
        self._model, self._pointer, self._foot = model, pointer, foot
        self._answer: ExplainAnswer | None = None
        self._target = Target()
        self._outlines: list[Outline] = []
        self._lines: np.ndarray | None = None
        self._caption = foot.caption
        self._seen: np.ndarray | None = None
        """Picture that the photograph is of."""
        foot.observe(locked(self._draw), "box")

    @property
    def prediction(self) -> Prediction | None:
        """Prediction at each place; None where the network makes none."""
        return None if self._answer is None else self._answer.prediction

    def show(self, answer: object, target: Target) -> None:
        """Draw the lines of an answer; what is no explanation has none. Called once the canvas's captions stand."""
        self._answer = answer if isinstance(answer, ExplainAnswer) else None
        # kept: the words of the evidence's box are put behind it, and taken away with the box
        self._target, self._caption = target, self._foot.caption
        self._show_photo(getattr(answer, "seen", None))
        self._draw()

    def _show_photo(self, seen: np.ndarray | None) -> None:
        if seen is not self._seen:  # all steps of an explanation are over one picture
            self._seen, self._pointer.photo = seen, b"" if seen is None else jpeg(seen, QUALITY)

    def _draw(self) -> None:
        prediction = self.prediction
        chosen = None if prediction is None else prediction.chosen(self._target)
        self._outlines = found_outlines(prediction, chosen, self._model.class_name)
        if self._answer is not None and self._foot.box:
            self._outlines += evidence_outline(self._answer.attribution)
        self._lines = None if prediction is None else region_lines(prediction.regions, chosen)
        size = (self._pointer.rows, self._pointer.columns)
        words = f"{self._caption} {evidence_words(self._outlines)}".strip()
        what = (
            ""
            if prediction is None
            else f" A click, or Enter, also explains {_WHAT[prediction.kind]}; on the pin it releases."
        )
        with LOCK, self._pointer.hold_sync():
            self._pointer.choosing = prediction is not None
            self._pointer.outlines = [one.plain(size) for one in self._outlines]
            self._pointer.lines = region_png(self._lines)
            self._pointer.caption = f"{words} {_KEYS}{what}"
            self._foot.caption = words

    def still(self, pixels: np.ndarray) -> np.ndarray:
        """Return a still picture uint8 (h, w, 3) of the canvas with the lines in it."""
        return drawn_on(pixels, self._outlines, (self._pointer.rows, self._pointer.columns), self._lines)

    def words(self, place: tuple[float, float]) -> str:
        """Return the class that is predicted at a place; empty for none."""
        prediction = self.prediction
        number = None if prediction is None else prediction.at(place)
        if prediction is None or number is None:
            return ""
        return self._model.class_name(prediction.boxes[number].label if prediction.kind == "boxes" else number)

    def chosen_at(self, place: tuple[float, float]) -> Target | int | None:
        """Return the target that a click on a place chooses: a class's index or a box; None for no change."""
        prediction = self.prediction
        number = None if prediction is None else prediction.at(place)
        if prediction is None or number is None or number == prediction.chosen(self._target):
            return None
        return Target.box(number) if prediction.kind == "boxes" else number
