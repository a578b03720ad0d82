"""A stage and a target as a person writes them in a notebook's cell."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import nbviz.panels
from nbviz.explorer import Explorer
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.stage import Stage as Base
from nbviz.panels.base.stage import _stages, register
from nbviz.panels.still import still_parts
from nbviz.session.inline import InlineRunner
from nbviz.session.requests.base import ScoresAnswer, ScoresRequest
from nbviz.session.selection import Selection
from tests.test_explorer import WIDGETS, network, pictures


@pytest.fixture()
def unregistered() -> Iterator[None]:
    before = dict(_stages)
    yield
    _stages.clear()
    _stages.update(before)


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


CELL = """
from nbviz.panels.base.front import Front
from nbviz.panels.base.stage import Stage, register

@register
class Broken(Stage):
    slot, title, sentence = "broken", "Broken", "Divides by zero."

    def __init__(self, links):
        super().__init__(links)
        {line}
"""


@pytest.mark.parametrize(
    ("line", "sentence"),
    [("self.view = 1 / 0", "ZeroDivisionError: division by zero"), ("self.front = Front()", "Broken has no view")],
)
def test_a_stage_that_cannot_be_made_says_so_in_its_tab_and_the_others_work(
    unregistered: None, line: str, sentence: str
) -> None:
    """`Explorer()` itself raised: one mistake in a cell's class, and nothing opened."""
    exec(CELL.format(line=line), {"__name__": "__main__"})
    with Explorer(network(), pictures(), method="saliency", runner=InlineRunner) as explorer:
        view = explorer.panels["broken"].view
        assert view.state == "failed" and "Broken could not be opened" in view.message and sentence in view.message
        assert "Traceback" in view.details
        explorer.selection.stage = "broken"
        assert explorer.panels["stages"].tabs.chosen == "broken"
        explorer.selection.change(image="two", stage="channels")
        assert explorer.attribution is not None and explorer.panels["canvas"].foot.state == "ready"
        explorer.selection.stage = "broken"
        assert any(sentence in words for words in still_parts(explorer.panels.values(), explorer.selection).problems)


@pytest.mark.parametrize("name", ["offered", "badge", "parts", "sync", "request"])
def test_a_stage_that_raises_later_leaves_the_tabs_and_the_others_as_they_are(best: None, name: str) -> None:
    with Explorer(network(), pictures(), method="saliency", runner=InlineRunner) as explorer:
        stage = explorer.panels["best"]
        setattr(stage, name, lambda *_: 1 / 0)
        explorer.selection.change(stage="best", image="two")
        assert explorer.panels["stages"].tabs.chosen == "best"
        assert stage.view.state == "failed"
        explorer.selection.change(stage="channels", image="one")
        assert explorer.panels["stages"].tabs.chosen == "channels" and explorer.panels["canvas"].foot.state == "ready"


FOLDER = {
    "__init__.py": "",
    "dummy_stage.py": """
import traitlets
from nbviz.panels.base.front import Front
from nbviz.panels.base.stage import Stage, register

class DummyFront(Front):
    word = traitlets.Unicode().tag(sync=True)

@register
class Dummy(Stage):
    slot, title, sentence = "dummy", "Dummy", "The picture's name."
    reads = asks = frozenset(("image",))

    def __init__(self, links):
        super().__init__(links)
        self.view = DummyFront()

    def sync(self, selection):
        self.view.word = selection.image
""",
    "dummy_stage.js": "export default { render({ model, el }) { el.textContent = model.get('word'); } };",
    "dummy_stage.css": ".nbviz .nbviz-dummy { display: none; }",
}


def test_a_stage_s_folder_beside_the_others_is_all_that_it_takes(
    unregistered: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its script and style are found beside its class, and no list anywhere names it."""
    (tmp_path / "dummy").mkdir()
    for name, text in FOLDER.items():
        (tmp_path / "dummy" / name).write_text(text)
    monkeypatch.setattr(nbviz.panels, "__path__", [*nbviz.panels.__path__, str(tmp_path)])
    with Explorer(network(), pictures(), runner=InlineRunner) as explorer:
        explorer.selection.change(stage="dummy", image="two")
        view = explorer.panels["dummy"].view
        assert view.word == "two" and FOLDER["dummy_stage.js"] in view._esm and ".nbviz-dummy" in view._css
        assert "function lifetime" in view._esm
    del sys.modules["nbviz.panels.dummy.dummy_stage"], sys.modules["nbviz.panels.dummy"]


def test_a_target_that_exits_ends_its_answer_and_not_the_worker() -> None:
    def leaves(output: Any) -> Any:
        sys.exit("no")

    with Explorer(network(), pictures(), method="saliency", target=1) as explorer:
        assert explorer.wait(30)
        explorer.selection.target = leaves
        assert explorer.wait(30) and explorer.panels["canvas"].foot.state == "failed"
        explorer.selection.target = 2
        assert explorer.wait(30) and explorer.panels["canvas"].foot.state == "ready"
