"""Laws of judging: no answer of any type raises, near misses are wrong, and every form of the right one is right."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nbviz import lessons
from nbviz.errors import NbvizError
from nbviz.lessons import checks
from nbviz.lessons.question import QUESTIONS, load
from tests.lessons import course

TEACHING = Path(__file__).resolve().parents[2] / "notebooks" / "teaching"
load()
every_question = pytest.mark.parametrize("name", QUESTIONS)


class Trap:
    """An object that raises whatever is asked of it."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]


WRONG: list[Any] = [
    None, True, False, "", "moose", "0", b"1", 0, 0.0, -1, -0.5, 1e9, -1e9, float("nan"), float("inf"), 10**40, 1j, [],
    (), {}, set(), {"a": 1}, [None], ["a", "b"], [[]], [[1], [2, 3]], [-7], (-1, -1), (999, 999), [-1, -2, -3],
    [1e30] * 4, range(0), range(-9, -4), np.zeros(0), np.zeros((2, 2)), np.full(10, -3.0), np.array("x"),
    np.array([None]),
    np.array(["2020-01-01"], "datetime64[D]"), torch.zeros(0), torch.zeros(3, 3), -torch.ones(10), torch.tensor(-2.5),
    torch.full((1, 3, 8, 8), -1.0), torch.tensor(float("nan")), Image.new("RGB", (3, 3)), object(), Trap(), len, int,
    lambda: 1, slice(1), NotImplemented, torch.nn.Linear(2, 2), "Right", ["right"],
]  # fmt: skip


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No tries, no pool."""
    monkeypatch.setattr(checks, "_tries", {})
    lessons.pool(None)
    yield


def right_and_reach(name: str) -> tuple[np.ndarray[Any, Any], float]:
    """The right answer, and how far from it an answer may lie."""
    right = np.atleast_1d(np.asarray(QUESTIONS[name].right(), np.float64))
    return right, max(QUESTIONS[name].part * float(np.abs(right).max()), QUESTIONS[name].absolute)


def moved(right: np.ndarray[Any, Any], by: float) -> list[np.ndarray[Any, Any]]:
    """The answer with one of its numbers moved, up and down."""
    steps = by * np.eye(len(right))
    return [*(right + steps), *(right - steps)]


def near_misses(name: str) -> list[Any]:
    right, reach = right_and_reach(name)
    text = [str(value) for value in right]
    return [
        *moved(right, 1.001 * reach or 1e-6), *moved(right, 2 * reach or 1.0), -right, 100 * right, right / 100,
        right + 1j, text, text[0] if len(text) == 1 else ", ".join(text), np.array(text), right.astype(bool),
        np.append(right, right), right[:-1], np.where(np.arange(len(right)) == 0, np.nan, right),
        np.where(np.arange(len(right)) == 0, np.inf, right), [None, *right[1:]], {"answer": right}, set(right.tolist()),
        *([right[::-1]] if len(right) > 1 else []), [right, right], lambda: right, [True, *right],
    ]  # fmt: skip


def forms(name: str) -> list[Any]:
    """The right answer in every type that a student may have it in."""
    right, reach = right_and_reach(name)
    values = right.tolist()
    tensor = torch.tensor(values, dtype=torch.float64)
    whole = (right == right.round()).all()
    many = [
        right, values, tuple(values), right[None], right[:, None], tensor, tensor.view(1, -1), tensor.float(),
        tensor.clone().requires_grad_(), [torch.tensor(value, requires_grad=True) for value in values],
        list(right.astype(np.float32)), [Fraction(value) for value in values], [Decimal(value) for value in values],
        np.longdouble(right), [float(f"{value:.4g}") for value in values], *moved(right, 0.99 * reach),
    ]  # fmt: skip
    if len(values) == 1:
        many += [values[0], right[0], np.float32(values[0]), tensor[0], right[0].reshape(())]
    if reach:
        many += [tensor.bfloat16()]
    if whole and right.max() < 256:
        many += [tensor.int(), right.astype(np.uint8)]
    return many


@every_question
def test_fifty_wrong_answers_are_wrong_and_none_raises(name: str) -> None:
    assert len(WRONG) >= 50
    assert [answer for answer in WRONG if lessons.check(name, answer).right] == []


@every_question
def test_near_misses_are_wrong(name: str) -> None:
    right, _ = right_and_reach(name)
    assert [answer for answer in near_misses(name) if lessons.check(name, answer).right] == [], right


@every_question
def test_the_right_answer_is_right_in_every_form(name: str) -> None:
    assert [answer for answer in forms(name) if not lessons.check(name, answer).right] == []


@every_question
def test_the_solution_on_the_teachers_page_is_right(name: str) -> None:
    """``*name*: 16 · 3 · 3 = 144.``, ``about −0.34.``, ``2 / 255.`` or ``(35, 31).``; it ends at a full stop."""
    page = (TEACHING / f"lesson_{QUESTIONS[name].lesson:02}.md").read_text(encoding="utf-8").replace("−", "-")
    solution = page.split(f"*{name}*: ")[1].split(". ")[0].split(".\n")[0].split("=")[-1]
    values = [float(value) for value in re.findall(r"-?\d+\.?\d*", solution.split(" (")[0] or solution)]
    answer = values[0] / values[1] if " / " in solution else values
    assert lessons.check(name, answer), solution


def test_judging_depends_on_no_order() -> None:
    """Right, wrong and open answers, hints and progress in any order: each is judged as if it stood alone."""
    moves = [(name, verdict) for name in QUESTIONS for verdict in (True, False, None, "hint")] * 3
    random.Random(0).shuffle(moves)
    solved: set[str] = set()
    for name, verdict in moves:
        if verdict == "hint":
            assert lessons.hint(name).words
            continue
        answer = {True: QUESTIONS[name].right(), False: "moose", None: ...}[verdict]
        assert bool(lessons.check(name, answer)) is bool(verdict)
        solved |= {name} if verdict else set()
        assert {row[1] for row in lessons.progress().rows if row[2] == "right"} == solved


def test_a_guess_of_any_type_is_taken_or_refused_in_a_sentence() -> None:
    picture = Image.new("RGB", (60, 40))
    ways: list[dict[str, Any]] = [{"options": ["A", "B"]}, {"number": (-2, -1)}, {"picture": picture}]
    for way in ways:
        one = lessons.guess("any", "Any?", **way)
        for answer in WRONG[1:]:
            try:
                one.answer = answer
            except NbvizError as refusal:
                assert len(str(refusal)) < 300
            else:
                assert type(one.answer) in (str, float, list) and one.reveal().startswith("Your guess: ")


def test_every_guess_of_the_course_has_its_own_name_and_takes_no_wrong_answer() -> None:
    """A class's guesses are gathered by name; what is computed in the notebook is stood in for."""
    stand_ins = {"options": ["blocks.2", "blocks.4"], "picture": Image.new("RGB", (224, 224))}
    asked = [call for path in course.LESSONS for call in course.calls(path, "guess")]
    names = [str(getattr(call.args[0], "value", "")) for call in asked]
    assert len(names) == len(set(names)) >= 15 and all(names)
    for name, call in zip(names, asked, strict=True):
        ways = {str(word.arg): _literal(word.value, stand_ins.get(str(word.arg))) for word in call.keywords}
        one = lessons.guess(name, "?", **ways)
        low, high = ways.get("number") or (1.0, 0.0)
        for answer in WRONG[1:]:
            if type(answer) in (int, float, bool) and low <= answer <= high:
                continue
            with pytest.raises(NbvizError):
                one.answer = answer
        assert one.answer is None


def _literal(node: ast.expr, stand_in: object) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return stand_in


@pytest.mark.parametrize("number", [np.int64(3), np.float32(3), torch.tensor(3), torch.tensor([3.0]), Fraction(3)])
def test_a_guess_takes_the_numbers_of_numpy_and_torch(number: Any) -> None:
    one = lessons.guess("number", "How many?", number=(0, 10))
    one.answer = number
    assert one.answer == 3.0 and type(one.answer) is float
    place = lessons.guess("place", "Where?", picture=Image.new("RGB", (60, 40)))
    place.answer = np.array([1, 2, 30, 40]) if isinstance(number, np.generic) else torch.tensor([1, 2, 30, 40])
    assert place.answer == [1.0, 2.0, 30.0, 40.0]
