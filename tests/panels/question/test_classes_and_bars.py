"""The class search and the bars, without a browser."""

from __future__ import annotations

import numpy as np
import pytest

from nbviz.errors import NbvizError
from nbviz.model.scoring.prediction import Prediction
from nbviz.panels.question.class_dropdown import ClassDropdown
from nbviz.panels.question.score_figure import ROWS, elide
from nbviz.panels.question.scores import ScoreBars, rows
from nbviz.session.requests.base import ScoresAnswer
from tests.panels.rig import NAMES, NASTY, Rig, rig, say

# -- classes ----------------------------------------------------------------------------------------------


@pytest.fixture()
def classes() -> tuple[Rig, ClassDropdown]:
    small = rig()
    return small, ClassDropdown(small.links, lambda: None)


def test_classes_are_text_by_index_and_the_likeliest_lead(classes: tuple[Rig, ClassDropdown]) -> None:
    small, panel = classes
    answer = small.show(panel)
    assert panel.view.names == NAMES and NASTY in panel.view.names
    assert panel.view.predicted == int(answer.logits.argmax())
    assert [index for index, _ in panel.view.top] == list(np.argsort(-answer.logits)[:5])
    assert panel.view.chosen == 0 and panel.view.against == -1


def test_choosing_writes_the_target(classes: tuple[Rig, ClassDropdown]) -> None:
    small, panel = classes
    small.show(panel)
    say(panel.view, event="choose", chosen=3, against=-1)
    assert small.selection.target == 3
    say(panel.view, event="choose", chosen=3, against=5)
    assert small.selection.target == (3, 5)
    panel.sync(small.selection)
    assert (panel.view.chosen, panel.view.against) == (3, 5)
    say(panel.view, event="choose", chosen=-1, against=-1)
    assert small.selection.target == "predicted"


def test_what_it_predicts_rather_than_another_names_the_class(classes: tuple[Rig, ClassDropdown]) -> None:
    small, panel = classes
    predicted = int(small.show(panel).order[0])
    other = (predicted + 1) % 7
    say(panel.view, event="choose", chosen=-1, against=other)
    assert small.selection.target == (predicted, other)


def test_a_class_against_itself_is_refused_in_words(classes: tuple[Rig, ClassDropdown]) -> None:
    small, panel = classes
    say(panel.view, event="choose", chosen=2, against=2)
    assert small.selection.target == 0 and panel.view.state == "refused" and panel.view.message


def test_a_function_as_target_shows_its_name(classes: tuple[Rig, ClassDropdown]) -> None:
    small, panel = classes

    def cats(output: object) -> object:
        return output

    small.selection.target = cats
    panel.sync(small.selection)
    assert panel.view.chosen is None and panel.view.words == "cats"


def test_a_model_without_names_has_numbered_classes() -> None:
    small = rig(names=None)
    panel = ClassDropdown(small.links, lambda: None)
    small.show(panel)
    assert panel.view.names[6] == "class 6"


# -- scores -----------------------------------------------------------------------------------------------


def test_the_chosen_class_takes_the_last_row_where_it_is_not_among_the_best() -> None:
    order = np.array([4, 3, 2, 1, 0, 5, 6])
    assert rows(order, 2) == [4, 3, 2, 1, 0]
    assert rows(order, 6) == [4, 3, 2, 1, 6]
    assert rows(np.array([1, 0]), None) == [1, 0]


def test_bars_show_probabilities_and_a_click_chooses() -> None:
    small = rig()
    panel = ScoreBars(small.links)
    answer = small.show(panel)
    shown = rows(answer.order, 0)
    assert list(panel.bars.value.y) == pytest.approx([float(answer.probabilities[i]) for i in shown])
    assert list(panel.bars.strong.text) == ["tabby"]
    accented = [row for row, colour in enumerate(panel.bars.value.colors) if "brand" in colour]
    assert accented == [shown.index(0)]
    panel.bars.value._handle_custom_msg({"event": "element_click", "data": {"index": 1}}, [])
    assert small.selection.target == shown[1]


def test_fewer_classes_than_rows() -> None:
    small = rig()
    panel = ScoreBars(small.links)
    logits = np.array([1.0, 3.0])
    panel.show(
        ScoresAnswer(small.pictures["cat"], Prediction("classes", logits, np.array([0.1, 0.9]), np.array([1, 0])))
    )
    assert len(panel.bars.value.y) == 2 < ROWS
    assert panel.front.said.startswith("The network says: tiger cat 0.90")


def test_scores_that_are_not_numbers_become_a_sentence() -> None:
    small = rig()
    panel = ScoreBars(small.links)
    nan = np.full(7, np.nan)
    panel.show(ScoresAnswer(small.pictures["cat"], Prediction("classes", nan, nan, np.arange(7))))
    assert panel.front.state == "refused" and "7 of the network's 7" in panel.front.message
    assert panel.bars.figure.layout.display == "none"
    small.show(panel)
    assert panel.front.state == "ready" and panel.bars.figure.layout.display == "block"
    assert len(panel.front.rows) == ROWS
    panel.fail(NbvizError("This picture can't be had."))
    assert panel.front.state == "refused" and panel.front.said == ""
    assert panel.front.rows == [], "buttons without bars would lie, unseen, over what stands below"


def test_long_names_are_cut() -> None:
    assert elide("tabby") == "tabby"
    cut = elide("a very long name of a class")
    assert len(cut) <= 16 and cut.endswith("…")
