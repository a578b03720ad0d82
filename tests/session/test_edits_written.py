"""Edits of a selection written down: as a state, as code, and as what a person assigns by mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest

import nbviz
from nbviz.edits import Channels, Edit, Paint, Transform
from nbviz.errors import NbvizError
from nbviz.explorer import Explorer
from nbviz.session.inline import InlineRunner
from tests.panels.rig import rig, say
from tests.session.test_edits import SOME, left
from tests.test_explorer import network, pictures


@pytest.mark.parametrize("bad", [None, "blur", 5, SOME[1], {SOME[1]}, iter(())])
def test_one_edit_alone_or_none_is_refused_in_a_sentence(bad: Any) -> None:
    selection = rig().selection
    with pytest.raises(NbvizError, match="tuple of edits"):
        selection.edits = bad
    selection.edits = [SOME[1]]
    assert selection.edits == (SOME[1],)


def test_an_open_limit_comes_back_from_a_state() -> None:
    one = rig().selection
    one.edits = (Channels("1", clamp={0: (None, 0.5), 1: (0.0, None), 2: (None, None)}),)
    other = rig().selection
    other.restore(json.dumps(one.state()))
    assert other.edits == one.edits


@pytest.mark.parametrize("names", [None, ["ant", "crane", "crane", "crane"], ["ant", "bee", "cat", "dog"]])
@pytest.mark.parametrize("edits", [(), (Channels("1", off=[0, 2]),), (Transform("rotate", 20), Paint(left()))])
def test_the_code_of_a_circuit_is_of_what_is_shown_whatever_the_classes_are_called(
    names: list[str] | None, edits: tuple[Edit, ...]
) -> None:
    with Explorer(network(), pictures(), classes=names, runner=InlineRunner, method="saliency") as made:
        made.selection.change(edits=edits, stage="circuit")
        stage = made.panels["circuit"]
        shown: dict[str, Any] = {"nbviz": nbviz, "model": made.model, "picture": made.pictures["one"]}
        *imports, text = stage.view.code.splitlines()  # type: ignore[attr-defined]
        exec("\n".join(imports), shown)
        for table in (eval(text, shown), _run(made.code("circuit"), made)):
            assert table.nodes["value"][0] == pytest.approx(stage.answer.step.value, rel=1e-6)  # type: ignore[attr-defined]
        made.selection.change(edits=(), tool="attack")
        desk = made.panels["attack"].view
        for index in [index for index, _ in desk.classes]:  # type: ignore[attr-defined]
            say(desk, event="set", kind="fgsm", into=index, norm="linf", start=False, size=4.0)
            assert desk.state == "ready" and desk.into == index  # type: ignore[attr-defined]


def _run(code: str, explorer: Explorer) -> Any:
    names: dict[str, Any] = {"explorer": explorer, "made": explorer}
    exec(code, names)
    return names["shown"]
