"""A stage and a target as a person writes them in a notebook's cell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from nbviz.explorer import Explorer
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.stage import Stage as Base
from nbviz.panels.base.stage import _stages, register
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.base import ScoresAnswer, ScoresRequest
from nbviz.session.selection import Selection
from tests.test_explorer import WIDGETS, network, pictures


@pytest.fixture()
def best() -> Iterator[None]:
    @register
    class Best(Base):
        slot, title, sentence = "best", "Best", "The likeliest class in large letters."
        reads = frozenset(("image",))

        def __init__(self, links: Links) -> None:
            super().__init__(links)
            self.view = Front()

        def request(self, selection: Selection) -> ScoresRequest:
            return ScoresRequest(self.pictures[selection.image])

        def show(self, answer: ScoresAnswer) -> None:
            self.view.message = self.model.class_name(int(answer.order[0]))

    yield
    del _stages["best"]


def test_a_stage_of_a_cell_opens_shows_is_asked_on_show_only_and_closes(best: None) -> None:
    before = set(WIDGETS)
    with Explorer(network(), pictures(), classes=["ant", "bee", "cat", "dog"], runner=InlineRunner) as explorer:
        stage, asked = explorer.panels["best"], list[str]()
        request = stage.request
        stage.request = lambda selection: (asked.append(selection.image), request(selection))[1]  # type: ignore
        assert [tab[0] for tab in explorer.panels["stages"].tabs.tabs][-1] == "best"
        explorer.selection.image = "two"
        assert asked == [] and stage.view.message == ""
        explorer.selection.stage = "best"
        explorer.selection.layer = "3"
        assert asked == ["two"] and stage.view.message == explorer.model.predict(explorer.pictures["two"])[0][0]
        explorer.selection.change(stage="channels", image="one")
        assert asked == ["two"]
    assert {type(WIDGETS[key]).__name__ for key in set(WIDGETS) - before} <= {"_CanvasManager"}


def test_a_target_that_exits_ends_its_answer_and_not_the_worker() -> None:
    def leaves(output: Any) -> Any:
        sys.exit("no")

    with Explorer(network(), pictures(), method="saliency", target=1) as explorer:
        assert explorer.wait(30)
        explorer.selection.target = leaves
        assert explorer.wait(30) and explorer.panels["canvas"].foot.state == "failed"
        explorer.selection.target = 2
        assert explorer.wait(30) and explorer.panels["canvas"].foot.state == "ready"
