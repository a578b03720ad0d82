"""Texts of the desk of paint: what is painted with, what it did, what the map foretold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbviz.attribution import METHODS
from nbviz.drawing.numbers import percent, score_change, signed
from nbviz.pictures.picture import Picture, name_words
from nbviz.session.requests.edits.foretold import Foretold
from nbviz.session.requests.edits.paint import TRIES, Painted

OTHER = "picture "
"""In front of the name of another picture that is painted with, in the menu's keys."""
WORDS = {"blur": "with blur", "mean": "with mean colour", "noise": "with noise", "gray": "with gray"}


def fill_key(fill: str | Picture, pictures: Mapping[str, Picture]) -> str:
    """Return the menu's key of what is painted with."""
    if isinstance(fill, str):
        return fill
    return f"{OTHER}{next((name for name, picture in pictures.items() if picture == fill), fill.name)}"


def fill_words(key: str) -> str:
    """Return what is painted with as a sentence has it, from the menu's key."""
    return name_words(key.removeprefix(OTHER)) if key.startswith(OTHER) else key


def lines(answer: Painted, share: float, fill: str) -> list[list[Any]]:
    """Describe the measured effect, a line of runs each. fill: key of what was painted with."""
    if answer.score is None:
        return []
    name, before, after = answer.score
    change = [score_change(after - before), "strong"]
    hidden = f" · hidden {percent(share)} of the picture" if share else ""
    result: list[list[Any]] = [
        ["score of ", [name, "strong"], f": {signed(before)} → {signed(after)}, ", change, hidden]
    ]
    if share and answer.same:
        result.append(["what was painted is what was there already: nothing changed"])
    if share and answer.foretold is not None:
        result.append(foretold_words(answer, answer.foretold, fill))
    if answer.patches:
        low, high = min(answer.patches), max(answer.patches)
        result.append(
            [f"this form elsewhere: {score_change(low)} … {score_change(high)} in {len(answer.patches)} tries"]
        )
    return result


def foretold_words(answer: Painted, told: Foretold, fill: str) -> list[Any]:
    """Describe what the map foretold of the painted part: a change, or a rank among places."""
    title = METHODS[answer.method].title
    if told.change is None:
        runs: list[Any] = [
            f"{title} marks it more than ",
            [f"{told.above} of {TRIES}", "strong"],
            " places of this form",
        ]
        if answer.score is not None and len(answer.patches) == TRIES:
            done = abs(answer.score[2] - answer.score[1])
            less = sum(abs(change) < done for change in answer.patches)
            runs += ["; hiding it does more than ", [f"{less} of {TRIES}", "strong"]]
        return runs
    change = [score_change(told.change), "strong"]
    painted_with = fill_words(fill)
    ends = {
        "gradient": ", to first order",
        "same baseline": f" for these pixels, from the same {painted_with}",
        "sum": f" for these pixels, from {told.start}; this was {painted_with}",
    }
    return [f"{title} foretold ", change, ends[told.way]]
