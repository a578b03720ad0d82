"""Desks: panels that take the explanation's place in the right column while their tool is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from nbviz.panels.base.frame import column_part
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.stage import OFF
from nbviz.panels.base.strip import ready
from nbviz.session.selection import Selection

MAP_READS = frozenset(("tool", "image", "target", "method", "options", "layer", "at", "edits", "original"))
"""Traits of the selection that a desk reads which works with the map on show."""


class Desk(Panel):
    """Base of desks: asleep while another tool, or none, is open. *Esc* closes it and leaves its edit on."""

    tool: ClassVar[str]
    """Its name in ``selection.tool``."""
    edits = False

    def awake(self, selection: Selection) -> bool:
        return selection.tool == self.tool

    def close(self, content: Content) -> None:
        """Answer *Esc*."""
        if self.selection.tool == self.tool:
            self.selection.change(tool="", draft=None)


def part_ready(view: Front) -> None:
    """Take the strip of a desk away when one of its parts has answered; what the desk computes leaves it dimmed."""
    if view.state != "computing":
        ready(view)


class Desks(Panel):
    """Right column: the explanation, or the desk of the open tool."""

    slot = "desks"
    reads, asks = frozenset(("tool",)), frozenset(())
    edits = False

    def __init__(self, links: Links, explanation: Panel, desks: Sequence[Desk]) -> None:
        super().__init__(links)
        self._turns = {"": column_part("nbviz-desk-turn", explanation.view)}
        self._turns |= {desk.tool: column_part("nbviz-desk-turn", desk.view) for desk in desks}
        self.view = column_part("nbviz-desks", *self._turns.values())

    def sync(self, selection: Selection) -> None:
        shown = selection.tool if selection.tool in self._turns else ""
        with LOCK:
            for name, turn in self._turns.items():
                (turn.remove_class if name == shown else turn.add_class)(OFF)
