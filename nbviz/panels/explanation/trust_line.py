"""Can you trust it? One dot a test under the explanation, and a sentence for what was not passed.

Judged in the background, after everything a person asked for: a dot appears as its verdict arrives. *curves*
opens deletion and insertion beside the controls, which have no dot: on one picture they tell no true map from
a control.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from nbviz.errors import NbvizError
from nbviz.evaluation.registry import verdicts
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.base.front import Front
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.base.strip import ready
from nbviz.panels.scenes.words import finite
from nbviz.pictures.load import Picture
from nbviz.session.requests.base import Request
from nbviz.session.requests.on_show import explanation
from nbviz.session.requests.trust import Trust, TrustAnswer, TrustDetail
from nbviz.session.selection import Selection

CONTROLS = {"map": "this map", "edges": "edges", "centre": "centre", "random": "random"}


class TrustFront(Front):
    """Dots, sentences, and the figures that open below."""

    dots: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, "passed" | "not passed" | "can't tell" | "judging", sentence], …]"""
    sentences: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    progress = traitlets.Unicode().tag(sync=True)
    opened = traitlets.Bool(False).tag(sync=True)
    curves: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[title, best, [[name, [x, …], [y, …], area], …]], …]: shares and scores of each map."""
    figures: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, value, what it means], …]"""
    reading = traitlets.Unicode().tag(sync=True)
    """How far the figures below are."""


class TrustPanel(Panel):
    """The dots; asks for nothing while a channel's map is on the canvas."""

    slot = "trust"

    def __init__(self, model: InstrumentedModel, pictures: Mapping[str, Picture], selection: Selection) -> None:
        super().__init__(model, pictures, selection)
        self.on_open: Callable[[], None] | None = None
        """Called when the figures are opened or closed; set by the Explorer."""
        self.view = TrustFront()
        self.view.on_msg(self._heard)

    def request(self, selection: Selection) -> Request | None:
        on = selection.canvas == "explanation"
        return Trust(explanation(selection, self.model, self.pictures)) if on else None

    def sync(self, selection: Selection) -> None:
        if selection.canvas == "channel":
            self._say([], [], "")

    def show(self, answer: TrustAnswer) -> None:
        waiting = ["judging", "Still being judged."]
        found = {name: [verdict.state, verdict.sentence] for name, verdict in answer.verdicts.items()}
        dots = [[name, *found.get(name, waiting)] for name in _names()]
        self._say(dots, answer.sentences, answer.progress if answer.done < 1 else "")

    def wait(self, progress: str = "") -> None:
        self._say([[name, "judging", "Still being judged."] for name in _names()], [], "waiting for the map")

    def fail(self, error: BaseException) -> None:
        if isinstance(error, (NbvizError, TypeError)):
            self._say([], [], "")  # there is no map to judge, and the canvas says why
        else:
            self._say([[name, "can't tell", "Judging failed."] for name in _names()], [f"Not judged: {error}"], "")

    def _say(self, dots: list[list[str]], sentences: list[str], progress: str) -> None:
        with LOCK, self.view.hold_sync():
            self.view.dots, self.view.sentences, self.view.progress = dots, sentences, progress
            ready(self.view)

    def _heard(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "open":
            with LOCK:
                self.view.opened = bool(content.get("opened"))
            if self.on_open:
                self.on_open()


class TrustFigures(Panel):
    """What opens below the dots; draws into the same view."""

    slot = "curves"

    def __init__(self, trust: TrustPanel) -> None:
        super().__init__(trust.model, trust.pictures, trust.selection)
        self.view = trust.view

    def request(self, selection: Selection) -> Request | None:
        on = selection.canvas == "explanation" and self.view.opened
        return TrustDetail(explanation(selection, self.model, self.pictures)) if on else None

    def show(self, answer: Any) -> None:
        with LOCK, self.view.hold_sync():
            self.view.curves, self.view.figures = _curves(answer.curves), _figures(answer)
            self.view.reading = answer.progress if answer.done < 1 else answer.note

    def wait(self, progress: str = "") -> None:
        with LOCK, self.view.hold_sync():
            self.view.curves, self.view.figures, self.view.reading = [], [], "waiting for the map"

    def fail(self, error: BaseException) -> None:
        with LOCK, self.view.hold_sync():
            self.view.curves, self.view.figures, self.view.reading = [], [], str(error)


def _names() -> list[str]:
    """Names of the dots, in their order."""
    return [one.name for one in verdicts()]


def _curves(found: Mapping[str, Any]) -> list[list[Any]]:
    """Both kinds of curve as plain numbers, the map's own first."""
    kinds = [("Hiding what matters most", "lower is better", "deletion"),
             ("Showing what matters most", "higher is better", "insertion")]  # fmt: skip
    drawn = []
    for title, best, kind in kinds:
        rows = []
        for name, pair in found.items():
            curve = getattr(pair, kind)
            rows.append([_named(name), curve.shares.tolist(), curve.scores.tolist(), curve.area])
        if rows:
            drawn.append([title, best, rows])
    return drawn


def _named(name: str) -> str:
    return CONTROLS.get(name.split()[0], name)


def _figures(answer: Any) -> list[list[str]]:
    rows = [[name, f"{value:.2f}", sentence] for name, (value, sentence) in answer.figures.items() if finite(value)]
    if answer.residual is not None:
        rows.append(["residual", f"{100 * answer.residual:.1f} %", "How far the map's sum is from the difference of "
                     "the scores."])  # fmt: skip
    return rows
