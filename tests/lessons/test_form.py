"""Every lesson has the form of a lesson."""

from __future__ import annotations

import ast
from itertools import groupby
from pathlib import Path

import pytest

from tests.lessons import course

PARTS = [
    "The question", "Guess", "Reveal", "Poke", "Check", "What this can't tell you", "Further reading",
]  # fmt: skip
lessons = pytest.mark.parametrize("path", course.LESSONS, ids=lambda path: path.stem)


@lessons
def test_the_parts_of_a_lesson_stand_in_their_order(path: Path) -> None:
    turns = [part for part, _ in groupby(course.headings(path))]
    kinds = [part for part in turns if part in PARTS]
    assert kinds == turns
    assert list(dict.fromkeys(kinds)) == PARTS


@lessons
def test_it_states_its_minutes_what_comes_before_and_what_is_measured(path: Path) -> None:
    opening = course.text(path).split("## ")[0]
    assert "minutes.**" in opening and "Before:" in opening and "**Measured here:**" in opening


@lessons
def test_cells_are_short(path: Path) -> None:
    assert {cell.splitlines()[0]: len(cell.splitlines()) for cell in course.code(path) if cell.count("\n") > 11} == {}


@lessons
def test_code_needs_no_scrolling_to_the_right(path: Path) -> None:
    """In a window of 1,200 pixels a cell shows 113 letters."""
    assert [line for cell in course.code(path) for line in cell.splitlines() if len(line) > 112] == []


@lessons
def test_a_guess_stands_before_its_reveal_and_reveals_wait_for_it(path: Path) -> None:
    cells = course.code(path)
    first = next(at for at, cell in enumerate(cells) if "guess(" in cell)
    assert [at for at, cell in enumerate(cells) if ".reveal()" in cell and at > first]
    assert not [at for at, cell in enumerate(cells) if ".reveal()" in cell and at < first]
    assert len(course.calls(path, "guess")) == sum(cell.count(".reveal()") for cell in cells)


@lessons
def test_every_question_is_asked_once_and_left_open(path: Path) -> None:
    names = [call.args[0].value for call in course.calls(path, "check") if isinstance(call.args[0], ast.Constant)]
    assert names == [asked.name for asked in course.questions(path)] and len(names) >= 2
    assert sum(" = ...\n" in cell for cell in course.code(path)) == len(names)


@lessons
def test_every_picture_has_a_caption(path: Path) -> None:
    for call in course.calls(path, "show"):
        captions = [arg for arg in call.args[1:2] if isinstance(arg, ast.Constant | ast.JoinedStr)]
        assert captions and (not isinstance(captions[0], ast.Constant) or len(str(captions[0].value).split()) > 5)


@lessons
def test_further_reading_names_papers(path: Path) -> None:
    assert course.text(path).split("## Further reading")[1].count("\n- ") >= 2
