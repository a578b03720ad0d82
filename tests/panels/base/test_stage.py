"""Stages take turns in the middle column, and one that isn't on show asks for nothing."""

from __future__ import annotations

from typing import Any

import pytest
import traitlets

from nbviz.errors import UnknownName
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Panel
from nbviz.panels.base.stage import OFF, Stage, StageTabs
from nbviz.session.requests.base import ScoresRequest
from nbviz.session.selection import Selection
from tests.panels.rig import Rig, rig, say


class Other(Stage):
    """A stage that is there while the method is saliency."""

    slot, title, sentence = "other", "Other", "Something else."

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = Front()

    def offered(self, selection: Selection) -> bool:
        return selection.method == "saliency"

    def badge(self, selection: Selection) -> str:
        return "2"

    def request(self, selection: Selection) -> ScoresRequest | None:
        return ScoresRequest(self.pictures[selection.image]) if self.on_show(selection) else None


class Grid(Panel):
    slot = "channels"

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = Front()


@pytest.fixture()
def parts() -> Rig:
    return rig(method="saliency")


@pytest.fixture()
def tabs(parts: Rig) -> StageTabs:
    parts.selection.stages = ("channels", "other")
    made = StageTabs(parts.links, [Grid(parts.links)], [Other(parts.links)])
    parts.selection.observe(lambda change: made.sync(parts.selection))
    made.sync(parts.selection)
    return made


def _shown(tabs: StageTabs) -> list[Any]:
    turns = [turn for turn in tabs.view.children[1:] if OFF not in turn._dom_classes]
    return [view for turn in turns for view in turn.children]


def test_a_stage_joins_the_column_when_it_is_first_opened(tabs: StageTabs, parts: Rig) -> None:
    grid, other = tabs.view.children[1].children[0], tabs.stages["other"]
    assert [tab[:3] for tab in tabs.tabs.tabs] == [["channels", "Channels", ""], ["other", "Other", "2"]]
    assert _shown(tabs) == [grid] and len(tabs.view.children) == 2
    assert other.request(parts.selection) is None
    say(tabs.tabs, event="stage", name="other")
    assert parts.selection.stage == tabs.tabs.chosen == "other"
    assert _shown(tabs) == [other.view] and "nbviz-section" in other.view._dom_classes
    assert other.request(parts.selection) is not None
    parts.selection.stage = "channels"
    assert _shown(tabs) == [grid] and other.request(parts.selection) is None


def test_the_channels_stand_in_for_a_stage_that_has_nothing_to_show(tabs: StageTabs, parts: Rig) -> None:
    parts.selection.stage = "other"
    parts.selection.method = "occlusion"
    assert [tab[0] for tab in tabs.tabs.tabs] == ["channels"]
    assert tabs.tabs.chosen == "channels" and _shown(tabs) == list(tabs.view.children[1].children)
    parts.selection.method = "saliency"
    assert tabs.tabs.chosen == "other"


def test_a_stage_that_is_not_there_is_refused_in_words(tabs: StageTabs, parts: Rig) -> None:
    with pytest.raises((UnknownName, traitlets.TraitError), match="other"):
        parts.selection.stage = "othr"
    assert parts.selection.stage == "channels"
