"""Stages: what takes turns in the middle column (the channels, maps side by side, attention …).

A stage is a panel whose view fills the middle column while ``selection.stage`` names it. One that is not on show asks
for nothing, and its view joins the page when it is first opened. The tabs above are there as soon as there is more
than one stage to choose from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import ipywidgets
import traitlets

from nbviz.panels.base.frame import column, column_part
from nbviz.panels.base.front import Front
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.snapshot.parts import MiddleParts
from nbviz.session.selection import CHANNELS, Selection

OFF = "nbviz-off"


class Stage(Panel):
    """Base of the panels that take turns in the middle column; its slot is what ``selection.stage`` says."""

    title: ClassVar[str]
    """On its tab."""
    sentence: ClassVar[str]
    """What it shows, when its tab is pointed at."""

    def offered(self, selection: Selection) -> bool:
        """Whether there is anything to show for this network and selection; cheap, and pure."""
        return True

    def on_show(self, selection: Selection) -> bool:
        """Whether it is this stage's turn."""
        return selection.stage == self.slot

    def still(self) -> MiddleParts:
        """What a still picture shows of it in the place of the channels' parts, or besides them."""
        return {}

    def badge(self, selection: Selection) -> str:
        """A short figure behind the title, such as how many maps are pinned; empty for none."""
        return ""


class TabsFront(Front):
    """The tabs; sends ``{"event": "stage", "name": …}``."""

    tabs: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, title, badge, sentence], …]; none are drawn for a single one."""
    chosen = traitlets.Unicode(CHANNELS).tag(sync=True)


class StageTabs(Panel):
    """The middle column: chooses ``selection.stage``, and shows that stage's view."""

    slot = "stages"

    def __init__(self, channels: Sequence[Panel], stages: Sequence[Stage]) -> None:
        first = channels[0]
        super().__init__(first.model, first.pictures, first.selection)
        self.stages = {stage.slot: stage for stage in stages}
        self.tabs = TabsFront()
        self.tabs.on_msg(self._told)
        self._turns = {CHANNELS: _turn(*(panel.view for panel in channels))}
        self.view = column("channels")
        self.view.children = (self.tabs, *self._turns.values())
        self.selection.stages = (CHANNELS, *self.stages)

    def sync(self, selection: Selection) -> None:
        offered = [stage for stage in self.stages.values() if stage.offered(selection)]
        chosen = selection.stage if any(stage.slot == selection.stage for stage in offered) else CHANNELS
        tabs = [[CHANNELS, "Channels", "", "What each channel of the layer makes of the picture"]]
        tabs += [[stage.slot, stage.title, stage.badge(selection), stage.sentence] for stage in offered]
        with LOCK, self.tabs.hold_sync():
            self._take_turn(chosen)
            self.tabs.tabs, self.tabs.chosen = tabs, chosen

    def _take_turn(self, chosen: str) -> None:
        if chosen not in self._turns:
            self._turns[chosen] = _turn(self.stages[chosen].view)
            self.view.children = (self.tabs, *self._turns.values())
        for name, turn in self._turns.items():
            (turn.remove_class if name == chosen else turn.add_class)(OFF)

    def _told(self, view: TabsFront, content: dict[str, Any], buffers: Any) -> None:
        if content.get("event") == "stage":
            self.selection.stage = content["name"]


def _turn(*sections: ipywidgets.Widget) -> ipywidgets.Box:
    """A box of a stage's sections: views of our own widgets don't follow a class that comes later, a box does."""
    return column_part("nbviz-stage-turn", *sections)
