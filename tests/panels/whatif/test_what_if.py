"""The strip: chips, undo, the original; and the bars with what was before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from nbviz.drawing.numbers import score_change, signed
from nbviz.edits import Channels, Transform
from nbviz.explorer import Explorer
from nbviz.panels.base.stage import OFF
from nbviz.panels.question.scores import either_rows
from nbviz.session.inline import InlineRunner
from tests.panels.rig import say
from tests.test_explorer import network, pictures

TURN, OFF_TWO = Transform("rotate", 20.0), Channels("1", off=[0, 2])
CLASSES = ["ant", "bee", "cat", "dog"]


@pytest.fixture()
def explorer() -> Iterator[Explorer]:
    with Explorer(network(), pictures(), classes=CLASSES, runner=InlineRunner, method="saliency", target=1) as made:
        yield made


def test_each_edit_is_a_chip_that_can_be_taken_away(explorer: Explorer) -> None:
    view = explorer.panels["what_if"].view
    assert view.chips == [] and not view.undo
    explorer.selection.edits = (TURN, OFF_TWO)
    assert view.chips == [TURN.words, OFF_TWO.words] and view.undo and not view.redo
    say(view, event="remove", place=0)
    assert explorer.selection.edits == (OFF_TWO,) and view.chips == [OFF_TWO.words]
    say(view, event="undo")
    assert explorer.selection.edits == (TURN, OFF_TWO) and view.redo
    say(view, event="redo")
    say(view, event="clear")
    assert explorer.selection.edits == ()
    say(view, event="remove", place=3)  # a click on a chip that has gone meanwhile
    assert explorer.selection.edits == () and view.state == "ready"


def test_the_original_is_on_show_while_its_button_is_held(explorer: Explorer) -> None:
    canvas, view = explorer.panels["canvas"], explorer.panels["what_if"].view
    before = canvas.pixels()
    explorer.selection.edits = (TURN,)
    say(view, event="original", on=True)
    assert view.original and explorer.selection.edits == (TURN,)
    np.testing.assert_array_equal(canvas.pixels(), before)
    assert not explorer.panels["scores"].front.before
    say(view, event="original", on=False)
    assert not np.array_equal(canvas.pixels(), before)


def test_a_tool_opens_its_desk_in_place_of_the_explanation(explorer: Explorer) -> None:
    view, desks = explorer.panels["what_if"].view, explorer.panels["desks"]
    turns = desks._turns
    assert [name for name, turn in turns.items() if OFF not in turn._dom_classes] == [""]
    for name in [name for name in turns if name]:
        say(view, event="tool", name=name)
        assert [other for other, turn in turns.items() if OFF not in turn._dom_classes] == [name]
        assert explorer.panels[name].view.state in ("ready", "partial", "computing"), explorer.panels[name].view.message
    say(view, event="tool", name=explorer.selection.tool)
    assert explorer.selection.tool == ""


def test_bars_have_a_tick_for_before_and_the_difference_in_figures(explorer: Explorer) -> None:
    scores, net = explorer.panels["scores"], explorer.model
    before = net.prediction(explorer.pictures["one"])
    explorer.selection.edits = (OFF_TWO,)
    after = net.edited(OFF_TWO).prediction(explorer.pictures["one"])
    order = scores._rows
    np.testing.assert_allclose([x for x, _ in np.array(scores.bars.ticks.x)], before.shares[order], rtol=1e-6)
    changes = [f"{after.shares[i] - before.shares[i]:+.2f}".replace("-", "−") for i in order]
    assert list(scores.bars.changes.text) == changes
    one, other = before.logits[1], after.logits[1]
    figures = f"{signed(one)} → {signed(other)}, {score_change(other - one)}"
    assert scores.front.change == f"score of bee {figures}" and scores.front.before
    explorer.selection.undo()
    assert list(scores.bars.changes.text) == [] and scores.front.change == "" and not scores.front.before


def test_a_class_that_fell_out_of_the_top_five_keeps_its_row() -> None:
    class Answer:
        def __init__(self, shares: list[float]) -> None:
            self.probabilities = np.array(shares)

    before = Answer([0.9, 0.04, 0.03, 0.02, 0.01, 0.0, 0.0])
    after = Answer([0.0, 0.01, 0.02, 0.03, 0.04, 0.5, 0.4])
    assert either_rows(after, before, None) == [5, 6, 4, 1, 0]  # type: ignore[arg-type]
    assert 3 in either_rows(after, before, 3)  # type: ignore[arg-type]


def test_a_saved_picture_says_which_edits_were_on(explorer: Explorer) -> None:
    explorer.selection.edits = (TURN,)
    assert f"edited: {TURN.words}" in explorer.panels["title"].still()["title"].facts
    explorer.selection.original = True
    assert not [fact for fact in explorer.panels["title"].still()["title"].facts if "edited" in fact]
