"""Marks of health, judged in the background: on the channels concerned, on their layers, on the card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.session.requests.base import Request
from nbviz.session.requests.health import ENOUGH, CheckHealth, HealthAnswer
from nbviz.session.selection import Selection


class Marked(Protocol):
    """Protocol of a panel that shows findings."""

    def judge(self, found: HealthAnswer | None) -> None: ...


class HealthMarks(Panel):
    """Panel that asks once a data set; a few pictures can't tell a dead channel from one they don't drive."""

    slot = "health"
    reads: frozenset[str] = frozenset()
    background = True

    def __init__(self, links: Links, view: Front, marked: Sequence[Marked]) -> None:
        super().__init__(links)
        self.view, self.marked, self.library = view, marked, links.library

    def request(self, selection: Selection) -> Request | None:
        return CheckHealth(self.library.items()) if self.library.count >= ENOUGH else None

    def show(self, answer: HealthAnswer) -> None:
        if answer.done >= 1:
            self._mark(answer)

    def wait(self, progress: str = "") -> None:
        self._mark(None)

    def fail(self, error: BaseException) -> None:
        self._mark(None)  # said where the pictures are looked at; a mark is never a failure

    def _mark(self, found: HealthAnswer | None) -> None:
        for panel in self.marked:
            panel.judge(found)
