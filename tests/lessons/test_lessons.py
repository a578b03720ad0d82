"""Laws of guesses, checks, hints, progress and the pool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from nbviz import lessons
from nbviz.attribution import Attribution
from nbviz.errors import NbvizError, UnknownName
from nbviz.lessons import checks
from nbviz.lessons.guess import VARIABLE
from nbviz.lessons.question import QUESTIONS, load

load()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No tries, no demonstration, no pool."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(checks, "_tries", {})
    lessons.demo(False)
    lessons.pool(None)
    yield
    lessons.demo(False)
    lessons.pool(None)


def asked() -> lessons.Guess:
    return lessons.guess("letter", "Which letter?", options=["A", "B"])


def test_help_grows_with_the_misses_and_any_order_will_do() -> None:
    one = QUESTIONS["second layer"]
    words = [lessons.check("second layer", -1).words for _ in range(4)]
    assert [help in said for help, said in zip((*one.hints, one.way, one.way), words, strict=True)] == [True] * 4
    assert lessons.check("second layer", 144) and not lessons.check("second layer", 27)
    assert lessons.check("second layer", torch.tensor([144])) and lessons.check("second layer", 144)


def test_dots_are_no_miss_and_a_hint_needs_none() -> None:
    assert "How many weights" in lessons.check("second layer", ...).words
    assert QUESTIONS["second layer"].hints[0] in lessons.hint("second layer").words
    assert QUESTIONS["second layer"].hints[1] in lessons.hint("second layer").words
    assert "1 miss" not in repr(lessons.progress(1))


def test_progress_says_how_each_question_went() -> None:
    lessons.check("second layer", 144)
    lessons.check("strongest place", 0)
    lines = repr(lessons.progress(1)).splitlines()
    assert lines == ["lesson 1: strongest place: 1 miss", "lesson 1: second layer: right"]
    numbers = [lesson for lesson, *_ in lessons.progress().rows]
    assert numbers == sorted(numbers) and len(numbers) == len(QUESTIONS)


def test_the_meaning_of_an_answer_stands_beside_a_right_one_only() -> None:
    assert not [asked.name for asked in QUESTIONS.values() if not asked.meaning.endswith(".")]
    meaning = QUESTIONS["second layer"].meaning
    assert meaning not in "".join(repr(lessons.check("second layer", wrong)) for wrong in (..., 1, 2, 3, 4))
    assert repr(lessons.check("second layer", 144)) == f"**Right.** {meaning}"


def test_an_unknown_question_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="second layer"):
        lessons.check("secnd layer", 1)


def test_a_name_is_given_once() -> None:
    def second_layer() -> object:
        return 1

    with pytest.raises(NbvizError, match="second layer"):
        lessons.question(9, hints=("", ""), way="1")(second_layer)


def test_a_reveal_waits_for_the_guess() -> None:
    letter = asked()
    with pytest.raises(lessons.GuessFirst, match=r"^Guess first, then run this cell again\.$") as stop:
        letter.reveal()
    assert stop.value._render_traceback_() == ["Guess first, then run this cell again."]
    letter.answer = "B"
    assert letter.reveal() == "Your guess: B"
    letter.answer = None
    with pytest.raises(lessons.GuessFirst):
        letter.reveal()


def test_a_demonstration_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    lessons.demo()
    assert asked().reveal() == "No guess."
    lessons.demo(False)
    monkeypatch.setenv(VARIABLE, "1")
    assert asked().reveal() == "No guess."


def test_a_guess_must_be_one_that_can_be_given() -> None:
    picture = Image.new("RGB", (60, 40))
    number = lessons.guess("n", "How many?", number=(0, 10), unit="layers")
    box = lessons.guess("b", "Where?", picture=picture)
    for one, bad in ((asked(), "C"), (number, 11), (number, True), (number, "3"), (box, (0, 0, 50, 9)), (box, 3)):
        with pytest.raises(NbvizError):
            one.answer = bad
    number.answer, box.answer = 3, (0, 5, 40, 60)
    assert number.reveal() == "Your guess: 3 layers" and box.reveal() == "Your guess: rows 0–40, columns 5–60"


@pytest.mark.parametrize("ways", [{}, {"options": ["A"]}, {"options": ["A", "B"], "number": (0, 1)}])
def test_a_guess_is_of_one_kind(ways: dict[str, Any]) -> None:
    with pytest.raises(NbvizError, match="letter"):
        lessons.guess("letter", "Which?", **ways)


def test_without_a_kernel_a_guess_is_its_question() -> None:
    bundle = asked()._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == "Guess: Which letter? (A / B)"


def test_a_class_gathers_its_last_guesses_without_names(tmp_path: Path) -> None:
    for answers in ("AB", "B", "A"):
        lessons.pool(tmp_path)
        letter = asked()
        for answer in answers:
            letter.answer = answer
    assert letter.spread == [["B", 2], ["A", 1]]
    table = lessons.guesses(tmp_path)
    assert sorted(table["answer"]) == ["A", "B", "B"] and table["student"].nunique() == 3
    lines = [json.loads(line) for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert len(lines) == 4 and all(set(line) == {"question", "answer"} for line in lines)


def test_a_line_cut_short_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"question": "letter", "answer": "A"}\n{"question": "let')
    assert lessons.guesses(tmp_path)["answer"].tolist() == ["A"]


def test_nothing_is_gathered_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked().answer = "A"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for ask in (lessons.pool, lessons.guesses):
        with pytest.raises(NbvizError, match="nowhere"):
            ask(tmp_path / "nowhere")


def test_a_row_draws_grey_pictures_as_grey_and_evidence_on_the_explorers_scale() -> None:
    row = lessons.show({"grey": torch.full((1, 2, 2), 0.5), "map": torch.full((2, 2), 0.5)}, "Grey, and a map.")
    assert [picture.getpixel((0, 0)) for _, picture in row.pictures] == [(128, 128, 128), (252, 255, 164)]
    evidence = torch.ones(20, 20)
    evidence[0, 0] = 1000  # one pixel of 400 far above all others leaves them visible
    row = lessons.show({"evidence": Attribution(torch.zeros(1, 3, 20, 20), evidence, (20, 20))}, "One pixel above all.")
    assert row.pictures[0][1].getpixel((100, 100)) == (252, 255, 164)


def test_a_row_has_its_names_and_caption_in_every_form() -> None:
    row = lessons.show({"left": torch.rand(3, 4, 6), "right": -torch.eye(5)}, "Colours <beside> a map.", size=60)
    assert 'alt="left"' in row._repr_html_() and "&lt;beside&gt;" in row._repr_html_()
    assert [picture.size for _, picture in row.pictures] == [(60, 40), (60, 60)]
    assert row._repr_png_().startswith(b"\x89PNG") and "left, right" in repr(row)
    with pytest.raises(NbvizError, match=r"odd.*\(2, 3, 4\)"):
        lessons.show({"odd": torch.zeros(2, 3, 4)}, "Not a picture.")
