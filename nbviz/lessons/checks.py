"""Checks of a student's answers, with a hint at the first miss, a fuller one at the second, then the way there."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbviz.lessons.question import QUESTIONS, Question, find, load


@dataclass
class _Tries:
    """Tries at one question in this kernel."""

    misses: int = 0
    hints: int = 0
    right: bool = False


_tries: dict[str, _Tries] = {}


@dataclass(frozen=True)
class Judgement:
    """Judgement of an answer; true where it is right."""

    right: bool
    words: str = field(repr=False)
    """Markdown: what to do next."""

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.words

    def _repr_markdown_(self) -> str:
        return self.words


def check(name: str, answer: object) -> Judgement:
    """Judge an answer, a Python value of any type, by computing the right one.

    name: of the question. Cells may be run again and in any order; ``...`` stands for no answer yet and is no miss.
    Raises UnknownName for a question that isn't there.
    """
    asked = find(name)
    tries = _tries.setdefault(asked.name, _Tries())
    # the dots that a cell is handed out with: run as it is, it should say what to do, not that it is wrong
    if answer is ...:
        return Judgement(False, f"**Your turn.** {asked.text} Put your answer where the dots are.")
    if asked.judge(answer):
        tries.right = True
        return Judgement(True, f"**Right.** {asked.meaning}".rstrip())
    tries.misses += 1
    # a hint that was asked for is not taken back by a later miss
    tries.hints = max(tries.hints, min(tries.misses, 3))
    return Judgement(False, f"**Not yet.** {_help(asked, tries.misses)}")


def hint(name: str) -> Judgement:
    """Show the next hint of a question: a hint, a fuller one, the way there.

    Raises UnknownName for a question that isn't there.
    """
    asked = find(name)
    tries = _tries.setdefault(asked.name, _Tries())
    tries.hints = min(tries.hints + 1, 3)
    return Judgement(tries.right, _help(asked, tries.hints))


def _help(asked: Question, misses: int) -> str:
    if misses <= len(asked.hints):
        return asked.hints[misses - 1]
    return f"One way there:\n\n```python\n{asked.way}\n```"


@dataclass(frozen=True)
class Progress:
    """Questions and their state in this kernel."""

    rows: tuple[tuple[int, str, str], ...]
    """Lesson, question, state."""

    def __repr__(self) -> str:
        return "\n".join(f"lesson {lesson}: {name}: {state}" for lesson, name, state in self.rows)

    def _repr_markdown_(self) -> str:
        lines = [f"| {lesson} | {name} | {state} |" for lesson, name, state in self.rows]
        return "\n".join(["| lesson | question | state |", "|---|---|---|", *lines])


def progress(lesson: int | None = None) -> Progress:
    """List the questions, of one lesson or of all, with their state in this kernel."""
    load()
    ordered = sorted(QUESTIONS.values(), key=lambda asked: asked.lesson)
    chosen = [asked for asked in ordered if lesson in (None, asked.lesson)]
    return Progress(tuple((asked.lesson, asked.name, _state(asked.name)) for asked in chosen))


def _state(name: str) -> str:
    tries = _tries.get(name, _Tries())
    if tries.right:
        return "right"
    return f"{tries.misses} misses" if tries.misses > 1 else "1 miss" if tries.misses else "open"
