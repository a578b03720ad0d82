"""Guesses: a small widget that asks first, keeps the answer, and only then lets the reveal run.

Three kinds: one of several options, a number, a box drawn on a picture. Where there is no kernel (a static page) a
guess is its question as text.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from reprlib import repr as shortened
from typing import Any

import numpy as np
import traitlets
from PIL import Image
from traitlets.utils.bunch import Bunch

from nbviz.drawing.png import png
from nbviz.errors import NbvizError
from nbviz.lessons.pool import Answer, current
from nbviz.lessons.values import numbers
from nbviz.panels.base import front

VARIABLE = "NBVIZ_LESSONS_DEMO"
"""Environment variable of :func:`demo`, for machines that run the notebooks."""
LONGEST = 448
"""Pixels of the longer side of a picture to draw on."""

_demo = {"on": False}


class GuessFirst(NbvizError):
    """Error of a reveal before the guess: one sentence, no traceback."""

    def _render_traceback_(self) -> list[str]:
        # asked for by IPython instead of a traceback, which a student would take for a fault
        return [str(self)]


def demo(on: bool = True) -> None:
    """Let reveals run without a guess, for a teacher at the projector, Voila, or a machine.

    ``NBVIZ_LESSONS_DEMO=1`` in the environment does the same.
    """
    _demo["on"] = on


class Guess(front.Scripted):
    """Guess and its widget; ``answer`` may be written by code, too, and None takes it back."""

    _esm = front.esm(__package__, "guess")
    _css = "\n".join(
        front.asset(package, name) or ""
        for package, name in (
            ("nbviz.panels.base", "tokens.css"),
            ("nbviz.panels.base", "frame.css"),  # a lesson may have no Explorer that brings it
            (__package__, "guess.css"),
        )
    )

    question = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Enum(["options", "number", "box"]).tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    limits = traitlets.List(traitlets.Float()).tag(sync=True)
    """Lowest and highest number."""
    unit = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)
    """PNG to draw a box on."""
    size = traitlets.List(traitlets.Int()).tag(sync=True)
    """Height and width of the picture in its own pixels."""
    answer: Any = traitlets.Any().tag(sync=True)
    """None; an option; a number; or (top, left, bottom, right) in the picture's pixels."""
    spread: traitlets.List[list[Any]] = traitlets.List().tag(sync=True)
    """[words, count] of a class's guesses, most frequent first; empty where none are gathered."""

    def __init__(self, name: str, **state: object) -> None:
        self.name = name
        super().__init__(**state)

    @traitlets.validate("answer")
    def _checked(self, proposal: Bunch) -> Answer | None:
        value = proposal["value"]
        if value is None:
            return None
        if self.kind == "options":
            return self._option(value)
        return self._number(value) if self.kind == "number" else self._box(value)

    @traitlets.observe("answer")
    def _gather(self, change: Bunch) -> None:
        here = current()
        if here is not None and change["new"] is not None:
            here.add(self.name, change["new"])
            self.spread = _spread(here.answers(self.name))

    def reveal(self) -> str:
        """Return the guess as text; raises GuessFirst, one quiet sentence, where there is none yet."""
        if self.answer is None and not (_demo["on"] or os.environ.get(VARIABLE) == "1"):
            raise GuessFirst("Guess first, then run this cell again.")
        return "No guess." if self.answer is None else f"Your guess: {_words(self.answer, self.unit)}"

    def _option(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise NbvizError(f"{shortened(value)} is none of the options: {', '.join(self.options)}.")
        return str(value)

    def _number(self, value: object) -> float:
        low, high = self.limits
        given = numbers(value)
        if given is None or given.ndim or not low <= given <= high:
            raise NbvizError(f"A guess here is a number from {low:g} to {high:g}, not {shortened(value)}.")
        return float(given)

    def _box(self, value: object) -> list[float]:
        height, width = self.size
        given = numbers(value)
        # NaN fails every comparison, so one test says no to all that is no box
        top, left, bottom, right = [math.nan] * 4 if given is None or given.shape != (4,) else given.tolist()
        if not (0 <= top < bottom <= height and 0 <= left < right <= width):
            size = f"{height} × {width} pixels"
            raise NbvizError(f"A box is (top, left, bottom, right) within {size}, not {shortened(value)}.")
        return [top, left, bottom, right]

    @property
    def words(self) -> str:
        """Question as text."""
        ways = {
            "options": " / ".join(self.options),
            "number": f"a number from {' to '.join(f'{side:g}' for side in self.limits)} {self.unit}".strip(),
            "box": "a box drawn on the picture",
        }
        return f"Guess: {self.question} ({ways[self.kind]})"

    def _repr_mimebundle_(self, **options: Any) -> Any:  # noqa: ANN401 - as IPython has it: data, or with metadata
        """Return the live widget where there is a kernel; the question as text on static pages."""
        bundle: Any = super()._repr_mimebundle_(**options) or {}
        data, *more = bundle if isinstance(bundle, tuple) else (bundle,)
        data = {**data, "text/plain": self.words}
        return (data, *more) if more else data

    def __repr__(self) -> str:
        return self.words


def guess(
    name: str,
    question: str,
    *,
    options: Sequence[str] | None = None,
    number: tuple[float, float] | None = None,
    picture: Image.Image | None = None,
    unit: str = "",
) -> Guess:
    """Ask for a guess: exactly one of ``options``, ``number`` and ``picture`` says of which kind.

    name: short, under which a class's guesses are gathered. options: two or more. number: lowest and highest. picture:
    to draw a box on. unit: of the number. Raises NbvizError for none or several kinds.
    """
    kinds = {"options": options, "number": number, "box": picture}
    given = [kind for kind, value in kinds.items() if value is not None]
    if len(given) != 1 or (options is not None and len(options) < 2):
        raise NbvizError(f"Guess '{name}' takes one of options= (two or more), number= and picture=, not {given}.")
    state: dict[str, Any] = {"question": question, "kind": given[0], "unit": unit}
    if options is not None:
        state["options"] = [str(option) for option in options]
    elif number is not None:
        state["limits"] = [float(side) for side in number]
    elif picture is not None:
        state |= {"picture": _png(picture), "size": [picture.height, picture.width]}
    return Guess(name, **state)


def _png(picture: Image.Image) -> bytes:
    small = picture.convert("RGB")
    small.thumbnail((LONGEST, LONGEST))
    return png(np.asarray(small))


def _words(answer: Answer, unit: str = "") -> str:
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return "rows {0:.0f}–{2:.0f}, columns {1:.0f}–{3:.0f}".format(*answer)
    return f"{answer:g} {unit}".strip()


def _spread(answers: Sequence[Answer]) -> list[list[Any]]:
    """Return [words, count], most frequent first; boxes are counted, not told apart."""
    # no two boxes are drawn alike: each would be a row of its own
    words = ["drawn" if isinstance(answer, list) else _words(answer) for answer in answers]
    return sorted(([word, words.count(word)] for word in set(words)), key=lambda row: (-row[1], row[0]))
