"""The teacher's notebook runs with a class's guesses and without, and the teacher's pages name each lesson."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from nbviz import lessons
from tests.lessons import course

TEACHING = course.ROOT / "notebooks" / "teaching"


def cells() -> list[str]:
    notebook = nbformat.read(TEACHING / "class_guesses.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    here: dict[str, object] = {}
    for cell in cells():
        exec(cell.replace("/shared/guesses", str(folder)), here)
    return capsys.readouterr().out


def test_it_shows_what_a_class_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for answer in ("A", "B", "B"):
        lessons.pool(tmp_path)
        lessons.guess("letter", "Which?", options=["A", "B"]).answer = answer
    place = lessons.guess("place", "Where?", picture=lessons.show({"x": [[0.0, 1.0]]}, "Two pixels.").pictures[0][1])
    place.answer = (1, 2, 30, 40)
    lessons.pool(None)
    words = printed(tmp_path, capsys)
    assert "██ B" in words and "█ A" in words and "rows 1–30, columns 2–40" in words


def test_it_runs_before_anybody_has_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(tmp_path / "nowhere", capsys) == ""


@pytest.mark.parametrize("path", course.LESSONS, ids=lambda path: path.stem)
def test_each_lesson_has_a_page_for_its_teacher(path: Path) -> None:
    number = course.number(path)
    page = (TEACHING / f"lesson_{number:02}.md").read_text(encoding="utf-8")
    for part in ("**Aims.**", "**Misconceptions, and the question", "**Timing.**", "**Project.**", "**Exam.**"):
        assert part in page
    assert "**Solutions.**" in page and "**Without Python.**" in page
    timing = page.split("**Timing.**")[1].split(".")[0]
    assert sum(map(int, re.findall(r"\d+", timing))) == int(re.findall(r"\*\*(\d+) minutes", course.text(path))[0])
    assert not [asked.name for asked in course.questions(path) if f"*{asked.name}*" not in page]
    assert f"`{path.stem}`" in (TEACHING / "README.md").read_text(encoding="utf-8")
