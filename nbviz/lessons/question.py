"""The registry of questions: one function a question, which judges an answer by computing the right one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from nbviz.errors import NbvizError, unknown

Judge = Callable[[object], bool]


@dataclass(frozen=True)
class Question:
    """A question of a lesson."""

    name: str
    lesson: int
    """Number of the notebook's lesson, 1…10."""
    text: str
    """The question itself."""
    hints: tuple[str, str]
    """For the first miss, and a fuller one for the second."""
    way: str
    """Python that computes the answer; its last line is the answer as an expression."""
    judge: Judge
    """Whether an answer of any type is right."""


_questions: dict[str, Question] = {}
QUESTIONS = MappingProxyType(_questions)
"""Name → question, in the order of the lessons once :func:`load` has run."""


def question(lesson: int, *, hints: tuple[str, str], way: str) -> Callable[[Judge], Judge]:
    """Register a function answer → bool as a question: its name, with spaces, and its docstring, the text.

    lesson: number of its lesson. hints: for the first and the second miss. way: Python that computes the answer; its
    last line is the answer as an expression. Raises NbvizError for a name that another question has.
    """

    def enter(judge: Judge) -> Judge:
        name = judge.__name__.replace("_", " ")
        if name in _questions and _questions[name].judge.__module__ != judge.__module__:
            raise NbvizError(f"Lesson {_questions[name].lesson} has a question '{name}' already; call it otherwise.")
        text = " ".join((judge.__doc__ or "").split())
        _questions[name] = Question(name, lesson, text, hints, way.strip(), judge)
        return judge

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
