"""Stages: panels that take turns in the middle column (channels, attention, maps side by side …), and their registry.

A stage is a panel whose view fills the middle column while ``selection.stage`` names it. One that is not on show is
neither synced nor asked, and its view joins the page when it is first opened. The tabs above are there as soon as there
is more than one stage to choose from.

A class registered with :func:`register` is in every Explorer made afterwards, from a notebook cell too. In the package
a stage is a folder of ``nbviz.panels`` with a module ``…_stage.py``; nothing else has to be changed to add one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import ipywidgets
import traitlets

from nbviz.panels.base.frame import column, column_part
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.session.selection import CHANNELS, Selection

OFF = "nbviz-off"


class Stage(Panel):
    """Base of the panels that take turns in the middle column; its slot is its name in ``selection.stage``."""

    title: str
    """On its tab."""
    sentence: str
    """Sentence on what it shows, for the tip of its tab."""
    order: ClassVar[int] = 100
    """Tabs stand from the lowest on."""
    tab_reads: ClassVar[frozenset[str]] = frozenset()
    """Traits of the selection that ``offered`` and ``badge`` depend on."""

    def offered(self, selection: Selection) -> bool:
        """Return whether there is anything to show for this network and selection; cheap, and pure."""
        return True

    def on_show(self, selection: Selection) -> bool:
        """Return whether it is this stage's turn."""
        return selection.stage == self.slot

    def awake(self, selection: Selection) -> bool:
        return self.on_show(selection)

    def badge(self, selection: Selection) -> str:
        """Return a short figure behind the title, such as how many maps are pinned; empty for none."""
        return ""


S = TypeVar("S", bound=type[Stage])
T = TypeVar("T")
_stages: dict[str, type[Stage]] = {}
STAGES = MappingProxyType(_stages)
"""Name → stage, as registered."""


def register(stage: S) -> S:
    """Register a stage by its slot; one of the same slot is replaced, as when a cell is run again.

    Raises TypeError for a class without slot, title or sentence.
    """
    # refused where the class is written, not where an Explorer is opened
    for name in ("slot", "title", "sentence"):
        if not isinstance(getattr(stage, name, None), str):
            raise TypeError(f"{stage.__name__} needs a {name}, a text, to be a stage.")
    if stage.slot == CHANNELS:
        raise TypeError(f"'{CHANNELS}' is the stage that is always there: give {stage.__name__} another slot.")
    _stages[stage.slot] = stage
    return stage


class TabsFront(Front):
    """Widget of the tabs; sends ``{"event": "stage", "name": …}``."""

    tabs: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, title, badge, sentence], …]; none are drawn for a single one."""
    chosen = traitlets.Unicode(CHANNELS).tag(sync=True)


class StageTabs(Panel):
    """Middle column: chooses ``selection.stage``, and shows that stage's view."""

    slot = "stages"

    def __init__(self, links: Links, channels: Sequence[Panel], stages: Sequence[Stage]) -> None:
        super().__init__(links)
        self.stages = {stage.slot: stage for stage in stages}
        self.reads = frozenset(("stage",)).union(*(stage.tab_reads for stage in stages))
        self.tabs = TabsFront()
        self.listen(self.tabs, self._act)
        self._turns = {CHANNELS: _turn(*(panel.view for panel in channels))}
        self.view = column("channels")
        self.view.children = (self.tabs, *self._turns.values())
        # what was computed may be what a stage waits for
        links.activity.observe(lambda _: self.sync(self.selection), "word")

    def sync(self, selection: Selection) -> None:
        offered = [stage for stage in self.stages.values() if _guarded(stage, stage.offered, selection, True)]
        # the selection keeps a stage that is not offered now, for when it is again; the page shows the channels
        chosen = selection.stage if any(stage.slot == selection.stage for stage in offered) else CHANNELS
        tabs = [[CHANNELS, "Channels", "", "What each channel of the layer makes of the picture"]]
        tabs += [
            [stage.slot, stage.title, _guarded(stage, stage.badge, selection, ""), stage.sentence] for stage in offered
        ]
        with LOCK, self.tabs.hold_sync():
            self._take_turn(chosen)
            self.tabs.tabs, self.tabs.chosen = tabs, chosen

    def _take_turn(self, chosen: str) -> None:
        # made when it is first opened: a view that nobody looks at would cost the page its models
        if chosen not in self._turns:
            self._turns[chosen] = _turn(self.stages[chosen].view)
            self.view.children = (self.tabs, *self._turns.values())
        # hidden, not taken out: a view that is put back is drawn anew, and loses what was scrolled to
        for name, turn in self._turns.items():
            (turn.remove_class if name == chosen else turn.add_class)(OFF)

    def _act(self, content: Content) -> None:
        if content.get("event") == "stage":
            self.selection.stage = content["name"]


def _guarded(stage: Stage, ask: Callable[[Selection], T], selection: Selection, otherwise: T) -> T:
    """Ask a stage about its tab; one that raises has a tab, and says there what is wrong."""
    try:
        return ask(selection)
    except Exception as error:  # a cell's own class can raise anything
        stage.fail(error)
        return otherwise


def _turn(*sections: ipywidgets.Widget) -> ipywidgets.Box:
    """Make a box of a stage's sections: our own widgets' views don't follow a class that comes later, a box does."""
    return column_part("nbviz-stage-turn", *sections)
