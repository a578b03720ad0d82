"""Scores of the network: bars of the likeliest classes, with edits beside the scores before."""

from __future__ import annotations

from typing import Any

import ipywidgets
import numpy as np
import traitlets

from nbviz.drawing.numbers import score_change, signed
from nbviz.errors import NbvizError
from nbviz.model.scoring.prediction import Prediction
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.question.score_figure import ROWS, Bars
from nbviz.panels.snapshot.parts import ScoreRow, StillParts
from nbviz.session.requests.base import Request, ScoresAnswer, ScoresRequest
from nbviz.session.requests.edits.edited_request import BeforeAfter, Compare
from nbviz.session.selection import Selection

MEASURES = {"maps": "share of the picture", "boxes": "score of the best box"}


class ScoresFront(Front):
    """Widget of the label above the bars, the figures as text, and the sentence where there are none."""

    rows: traitlets.List[list[Any]] = traitlets.List().tag(sync=True)
    """[words, whether it is the chosen one] of each bar, whose whole row is a button; sends ``choose`` (row)."""
    said = traitlets.Unicode().tag(sync=True)
    """The same figures in a sentence."""
    measure = traitlets.Unicode().tag(sync=True)
    """Meaning of the figures, where they are no probabilities."""
    before = traitlets.Bool(False).tag(sync=True)
    """True if ticks stand for what it said before the edits."""
    change = traitlets.Unicode().tag(sync=True)
    """Effect of the edits on the explained score, in its own unit; empty without edits."""


class ScoreBars(Panel):
    """Panel of the five likeliest classes; a click on a row chooses its class."""

    slot = "scores"
    reads = frozenset(("image", "target", "edits", "original", "draft"))
    asks = frozenset(("image", "edits", "original", "draft"))
    edits = False  # it asks for both, with and without

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.front = ScoresFront()
        self.bars = Bars(self._clicked)
        self.view = ipywidgets.Box([self.front, self.bars.figure], _dom_classes=["nbviz-scores"])
        self._answer: ScoresAnswer | None = None
        self._before: ScoresAnswer | None = None
        """Prediction without the edits; None where none are on."""
        self._rows: list[int] = []
        self._target: object = None
        """The target that is drawn in the accent."""
        self.listen(self.front, self._act)

    def request(self, selection: Selection) -> Request:
        asked = ScoresRequest(self.pictures[selection.image])
        edits = selection.edits_on if selection.draft is None else selection.draft
        return Compare(asked, edits) if edits else asked

    def sync(self, selection: Selection) -> None:
        # only for another target: each mask of a stroke is an act, and its bars are drawn when they are there
        if self._answer is not None and selection.target != self._target:
            self._paint(self._answer)

    def wait(self, progress: str = "") -> None:
        if self.selection.draft is not None:  # the next stroke's bars are there within a blink
            return
        with LOCK:
            self.bars.figure.add_class("nbviz-dimmed")

    def show(self, answer: ScoresAnswer | BeforeAfter) -> None:
        shown: ScoresAnswer = answer.after if isinstance(answer, BeforeAfter) else answer
        self._answer, self._before = shown, answer.before if isinstance(answer, BeforeAfter) else None
        self._paint(shown)

    def fail(self, error: BaseException) -> None:
        self._answer, self._before, self._rows = None, None, []
        with LOCK, self.front.hold_sync():
            self.bars.figure.layout.display = "none"
            # the rows are buttons: without their bars they would lie, unseen, over the strip below
            self.front.rows, self.front.said, self.front.before, self.front.change = [], "", False, ""
            self.front.state = "refused" if isinstance(error, NbvizError) else "failed"
            self.front.message = str(error) or type(error).__name__

    def still(self) -> StillParts:
        answer = self._answer
        if answer is None or not np.isfinite(answer.logits).all():
            return {}
        names, shares = self.model.class_name, answer.probabilities
        chosen = (self._before or answer).prediction.class_of(Target.ensure(self.selection.target, self.model))
        return {"scores": [ScoreRow(names(i), float(shares[i]), i == chosen) for i in rows(answer.order, chosen)]}

    def _paint(self, answer: ScoresAnswer) -> None:
        lost = int((~np.isfinite(answer.logits)).sum())
        self._target = self.selection.target
        with LOCK:
            self.bars.figure.remove_class("nbviz-dimmed")
            self.bars.figure.layout.display = "none" if lost else "block"
            with self.front.hold_sync():
                self.front.state = "refused" if lost else "ready"
                self.front.message = lost_words(lost, len(answer.logits)) if lost else ""
                self.front.measure = measure(answer.prediction)
                self.front.said = "" if lost else self._draw(answer)
                if lost:
                    self.front.rows = []
                self.front.before, self.front.change = self._before is not None, "" if lost else self._change(answer)

    def _draw(self, answer: ScoresAnswer) -> str:
        target = Target.ensure(self.selection.target, self.model)
        before = self._before
        # without the edits: "what it predicts" must stay one class, or before and after would be of two
        chosen = (before or answer).prediction.class_of(target)
        self._rows = rows(answer.order, chosen) if before is None else either_rows(answer, before, chosen)
        names = [self.model.class_name(index) for index in self._rows]
        shares = [float(answer.probabilities[index]) for index in self._rows]
        old = None if before is None else [float(before.probabilities[index]) for index in self._rows]
        place = self._rows.index(chosen) if chosen in self._rows else None
        self.bars.draw(names, shares, place, old)
        said = [f"{n}, class {i}: {s:.2f}" for n, i, s in zip(names, self._rows, shares, strict=True)]
        self.front.rows = [[words, row == place] for row, words in enumerate(said)]
        figures = ", ".join(f"{n} {s:.2f}" for n, s in zip(names, shares, strict=True))
        if old is not None:
            figures = ", ".join(f"{n} {s:.2f}, before {o:.2f}" for n, s, o in zip(names, shares, old, strict=True))
        about = measure(answer.prediction)
        return f"The network says ({about}): {figures}" if about else f"The network says: {figures}"

    def _change(self, answer: ScoresAnswer) -> str:
        """Describe a change, ``"score of tiger cat 9.24 → 9.36, +0.12"``, in logits: probabilities saturate."""
        before, target = self._before, Target.ensure(self.selection.target, self.model)
        index = None if before is None else before.prediction.class_of(target)
        if before is None or index is None:
            return ""
        one, other = float(before.logits[index]), float(answer.logits[index])
        return f"score of {self.model.class_name(index)} {signed(one)} → {signed(other)}, {score_change(other - one)}"

    def _act(self, content: Content) -> None:
        if content.get("event") == "choose":
            self._clicked(int(content["row"]))

    def _clicked(self, row: int) -> None:
        # a click may cross with an answer after which there are fewer bars, or none
        if row < len(self._rows):
            self.selection.target = self._rows[row]


def measure(said: Prediction) -> str:
    """Describe the bars' figures, where they are no shares of one probability."""
    each = said.scale in ("sigmoid", "independent") and len(said.shares) > 1
    return "each by itself" if each else MEASURES.get(said.kind, "")


def rows(order: np.ndarray, chosen: int | None) -> list[int]:
    """Return the likeliest classes, best first; a chosen one that is not among them takes the last row."""
    best = [int(index) for index in order[:ROWS]]
    if chosen is not None and chosen not in best and chosen < len(order):
        # five rows, whatever is chosen: the frame must not grow under the pointer
        best[-1] = chosen
    return best


def either_rows(answer: ScoresAnswer, before: ScoresAnswer, chosen: int | None) -> list[int]:
    """Return the five classes with the largest shares, before or now, in the order of now."""
    largest = np.maximum(np.nan_to_num(answer.probabilities), np.nan_to_num(before.probabilities))
    likeliest = rows(np.argsort(-largest, kind="stable"), chosen)
    # by number among equals: bars of classes without any share would else change places
    return sorted(likeliest, key=lambda index: (-float(answer.probabilities[index]), index))


def lost_words(lost: int, total: int) -> str:
    """Return the sentence for scores that are not finite."""
    return (
        f"{lost} of the network's {total} scores of this picture are not finite numbers, "
        "so there is nothing to rank. Check the weights and the preprocessing."
    )
