"""Registry of questions: one function per question, which computes the right answer."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from nbviz.errors import NbvizError, unknown
from nbviz.lessons.values import near, numbers

Right = Callable[[], object]


@dataclass(frozen=True)
class Question:
    """Question of a lesson."""

    name: str
    lesson: int
    """Number of the notebook's lesson, 1…10."""
    text: str
    """The question itself."""
    hints: tuple[str, str]
    """For the first miss, and a fuller one for the second."""
    way: str
    """Python that computes the answer; its last line is the answer as an expression."""
    meaning: str
    """Sentence on the right answer, for who has found it; may be empty."""
    right: Right
    """Computes the right answer, a number or numbers of one shape; once per kernel."""
    part: float
    """Tolerance as a share of the right answer's largest magnitude."""
    absolute: float
    """Tolerance in the answer's own unit; the larger of the two counts."""

    def judge(self, answer: object) -> bool:
        """Return whether an answer of any type is right."""
        return numbers(answer) is not None and near(answer, self.right(), self.part, self.absolute)


_questions: dict[str, Question] = {}
QUESTIONS = MappingProxyType(_questions)
"""Name → question; all lessons' once :func:`load` has run."""


def question(
    lesson: int, *, hints: tuple[str, str], way: str, meaning: str = "", part: float = 0.02, absolute: float = 0.0
) -> Callable[[Right], Right]:
    """Register a function () → right answer as a question: its name, with spaces, and its docstring, the text.

    lesson: number of its lesson. hints: for the first and the second miss. way: Python that computes the answer; its
    last line is the answer as an expression. meaning: sentence on the right answer, shown with it. part, absolute:
    tolerances, the larger one counts. Raises NbvizError for a name that another question has.
    """

    def enter(right: Right) -> Right:
        name = right.__name__.replace("_", " ")
        # of the same module it is the same cell, or file, run again
        if name in _questions and _questions[name].right.__module__ != right.__module__:
            raise NbvizError(f"Lesson {_questions[name].lesson} has a question '{name}' already; call it otherwise.")
        text = " ".join((right.__doc__ or "").split())
        # cached: the right answer takes a network, and a class tries often
        _questions[name] = Question(name, lesson, text, hints, way.strip(), meaning, cache(right), part, absolute)
        return right

    return enter


def load() -> None:
    """Register the questions of every lesson."""
    from nbviz.lessons import questions

    for module in pkgutil.iter_modules(questions.__path__):
        importlib.import_module(f"{questions.__name__}.{module.name}")


def find(name: str) -> Question:
    """Return a question by its name; raises UnknownName with the nearest one that there is."""
    load()
    if name not in _questions:
        raise unknown("question", name, _questions, "this course")
    return _questions[name]
