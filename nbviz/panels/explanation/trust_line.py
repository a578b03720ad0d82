"""Trust line: one dot per test under the explanation, and a sentence for what was not passed.

Judged in the background, after everything a person asked for: a dot appears as its verdict arrives. *curves*
opens deletion and insertion beside the controls, which have no dot: on one picture they tell no true map from
a control.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from nbviz.drawing.numbers import finite
from nbviz.errors import NbvizError
from nbviz.evaluation.detail import Detail
from nbviz.evaluation.registry import verdicts
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import ready
from nbviz.panels.snapshot.parts import StillParts, TrustPart
from nbviz.session.requests.base import Request
from nbviz.session.requests.on_show import explanation, map_reads
from nbviz.session.requests.trust import Trust, TrustAnswer, TrustDetail
from nbviz.session.selection import Selection

CANCELLED = "Not judged, because the map was cancelled: Retry draws it, and judges it then."
CONTROLS = {"map": "this map", "edges": "edges", "centre": "centre", "random": "random"}


class TrustFront(Front):
    """Widget of the dots, sentences, and the figures that open below."""

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
    """Panel of the dots; asks for nothing while a channel's map is on the canvas."""

    # needs: the tests would else go on to draw the map that was cancelled
    slot, background, needs = "trust", True, ("canvas",)

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = TrustFront()
        self.listen(self.view, self._act)

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """Traits that the map on show depends on."""
        return map_reads(self.selection)

    def request(self, selection: Selection) -> Request | None:
        on = selection.canvas == "explanation"
        return Trust(explanation(selection, self.model, self.pictures)) if on else None

    def sync(self, selection: Selection) -> None:
        # a channel's map is no explanation, so there is nothing to trust or not
        if selection.canvas == "channel":
            self._say([], [], "")

    def show(self, answer: TrustAnswer) -> None:
        waiting = ["judging", "Still being judged."]
        states = {name: [verdict.state, verdict.sentence] for name, verdict in answer.verdicts.items()}
        dots = [[name, *states.get(name, waiting)] for name in _names()]
        self._say(dots, answer.sentences, answer.progress if answer.done < 1 else "")

    def wait(self, progress: str = "") -> None:
        self._say([[name, "judging", "Still being judged."] for name in _names()], [], "waiting for the map")

    def fail(self, error: BaseException) -> None:
        if isinstance(error, (NbvizError, TypeError)):
            self._say([], [], "")  # there is no map to judge, and the canvas says why
        else:
            self._say([[name, "can't tell", "Judging failed."] for name in _names()], [f"Not judged: {error}"], "")

    def stop(self) -> None:
        self._say([], [CANCELLED], "")

    def still(self) -> StillParts:
        view = self.view
        if not view.dots and not view.sentences:
            return {}
        return {"trust": TrustPart([(name, state) for name, state, _ in view.dots], view.sentences)}

    def _say(self, dots: list[list[str]], sentences: list[str], progress: str) -> None:
        with LOCK, self.view.hold_sync():
            self.view.dots, self.view.sentences, self.view.progress = dots, sentences, progress
            ready(self.view)

    def _act(self, content: Content) -> None:
        if content.get("event") == "open":
            self.view.opened = bool(content.get("opened"))
            self.links.ask()


class TrustFigures(Panel):
    """Panel of the figures that open below the dots; draws into the same view."""

    slot, background, needs = "curves", True, ("canvas",)

    def __init__(self, links: Links, trust: TrustPanel) -> None:
        super().__init__(links)
        self.view = trust.view

    @property
    def reads(self) -> frozenset[str]:  # type: ignore[override]
        """Traits that the map on show depends on."""
        return map_reads(self.selection)

    def awake(self, selection: Selection) -> bool:
        return self.view.opened

    def request(self, selection: Selection) -> Request | None:
        on = selection.canvas == "explanation" and self.view.opened
        return TrustDetail(explanation(selection, self.model, self.pictures)) if on else None

    def show(self, answer: Detail) -> None:
        with LOCK, self.view.hold_sync():
            self.view.curves, self.view.figures = _curves(answer.curves), _figures(answer)
            self.view.reading = answer.progress if answer.done < 1 else answer.note

    def wait(self, progress: str = "") -> None:
        with LOCK, self.view.hold_sync():
            self.view.curves, self.view.figures, self.view.reading = [], [], "waiting for the map"

    def fail(self, error: BaseException) -> None:
        with LOCK, self.view.hold_sync():
            self.view.curves, self.view.figures, self.view.reading = [], [], str(error)

    def stop(self) -> None:
        with LOCK, self.view.hold_sync():
            self.view.curves, self.view.figures, self.view.reading = [], [], CANCELLED


def _names() -> list[str]:
    """Return the names of the dots, in their order."""
    return [one.name for one in verdicts()]


def _curves(found: Mapping[str, Any]) -> list[list[Any]]:
    """Return both kinds of curve as plain numbers, the map's own first."""
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
    # controls of a kind are numbered: "random 1", "random 2" …
    return CONTROLS.get(name.split()[0], name)


def _figures(answer: Detail) -> list[list[str]]:
    rows = [[name, f"{value:.2f}", sentence] for name, (value, sentence) in answer.figures.items() if finite(value)]
    if answer.residual is not None:
        rows.append(["residual", f"{100 * answer.residual:.1f} %", "How far the map's sum is from the difference of "
                     "the scores."])  # fmt: skip
    return rows
