"""Every lesson has the form of a lesson."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import groupby
from pathlib import Path

import nbformat
import pytest

import nbviz
from nbviz import cli
from tests.lessons import course

PARTS = [
    "The question", "Guess", "Reveal", "Poke", "Check", "What this can't tell you", "Further reading",
]  # fmt: skip
TOUR = course.ROOT / "notebooks" / cli.TOUR
lessons = pytest.mark.parametrize("path", course.LESSONS, ids=lambda path: path.stem)


@cache
def screen() -> str:
    """The source of all panels and of the methods, whose options have labels, in small letters."""
    rooms = [course.ROOT / "nbviz" / room for room in ("panels", "attribution/methods")]
    files = [file for room in rooms for file in room.rglob("*") if file.suffix in (".py", ".js")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files).lower()


@cache
def known() -> set[str]:
    """Titles of methods, names of photographs and of classes, in small letters."""
    model = nbviz.zoo.load()
    classes = [model.class_name(index) for index in range(1000)]
    titles = [method.title for method in nbviz.METHODS.values()]
    return {name.lower() for name in (*titles, *nbviz.zoo.photographs(), *classes)}


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
    """In a window of 1,200 pixels a cell shows 113 letters, with the file browser beside it 105."""
    assert [line for cell in course.code(path) for line in cell.splitlines() if len(line) > 104] == []


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


@lessons
def test_cells_carry_no_metadata(path: Path) -> None:
    assert [cell.id for cell in nbformat.read(path, as_version=4).cells if cell.metadata] == []


@lessons
def test_a_place_is_guessed_before_a_map_shows_it(path: Path) -> None:
    cells = course.code(path)
    drawn = [at for at, cell in enumerate(cells) if "guess(" in cell and "picture=" in cell]
    assert not [cell for cell in cells[: max(drawn, default=0)] if "nbviz.Explorer(" in cell]


@pytest.mark.parametrize("path", [TOUR, *course.LESSONS], ids=lambda path: path.stem)
def test_what_a_reader_is_to_press_is_on_the_screen(path: Path) -> None:
    """Words in italics under *Poke* are controls, methods, photographs or classes that are there."""
    part = course.text(path).split("## Poke")[-1].split("## Check")[0].replace("\n   ", " ").replace("**", "")
    words = {word.lower() for word in re.findall(r"(?<!\w)\*([^*\n]+)\*", part)} - {"watch", "as we do"}
    assert words
    assert {word for word in words - known() if not re.search(rf"[\"'`>] ?{re.escape(word)}", screen())} == set()
