"""Texts around an explanation: its heading, its two lines of facts, its caption.

Pure functions of plain data. A *run* is a text, or a pair of a text and ``"strong"``, ``"em"`` or ``"warn"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nbviz.drawing.numbers import duration, figure, finite, percent, score_words

Run = str | tuple[str, str]
Lines = list[list[Run]]

_KNOWN = frozenset((
    "score", "target", "layer", "calls", "dtype", "seconds", "status", "places", "baseline", "baseline_score",
    "residual", "map_error", "stopped", "weights", "note", "unit", "preprocessing", "black", "any_class", "method",
))  # fmt: skip
_BASELINES = {
    "black": "a black picture",
    "blur": "the blurred picture",
    "mean": "the mean colour",
    "noise": "noise",
}
AGAINST = " rather than "
UNJUDGED = "This picture was taken before every test of the map had ended."
ANY_CLASS: list[Run] = ["the same for every class"]
"""Heading of a map that does not depend on the class."""


def heading(target: str) -> list[Run]:
    """Return "why *tabby*?" or "why *tabby* rather than *tiger cat*?"."""
    names = target.split(AGAINST, 1)
    runs: list[Run] = ["why ", (names[0], "em")]
    if len(names) > 1:
        runs += [AGAINST, (names[1], "em")]
    return [*runs, "?"]


def facts_lines(facts: Mapping[str, Any]) -> Lines:
    """Return two lines of facts below an explanation: what scalar is explained, and how well."""
    return [_what(facts), _joined(_how(facts))]


def card_lines(facts: Mapping[str, Any]) -> Lines:
    """Return the lines where a title names class and layer already, and there is little room."""
    opening = "difference of scores " if AGAINST in str(facts.get("target", "")) else "score "
    return [[opening, (score_words(facts.get("score")), "strong"), *_start(facts)], _joined(_how(facts))]


def trust_lines(verdicts: Sequence[tuple[str, str]], sentences: Sequence[str]) -> Lines:
    """Return what tests say of a map, as lines.

    verdicts: (test, "passed" | "not passed" | "can't tell" | "judging") of each.
    """
    runs: list[Run] = ["trust: "]
    for place, (name, state) in enumerate(verdicts):
        shown = "not judged yet" if state == "judging" else state
        runs += [" · " if place else "", f"{name} ", (shown, "warn" if state == "not passed" else "strong")]
    lines: Lines = [runs] if verdicts else []
    # on a static page nothing will follow, so the picture says why
    early = [UNJUDGED] if any(state == "judging" for _, state in verdicts) else []
    return lines + [[sentence] for sentence in (*sentences, *early)]


def progress_lines(progress: str, facts: Mapping[str, Any]) -> Lines:
    """Return the two lines while it computes: how far, and how good it is so far."""
    error = facts.get("map_error")
    first: list[Run] = [(progress, "strong")] if progress else []
    return [
        first,
        [f"map within {percent(error)} so far"] if error is not None and finite(error) and error <= 1 else [],
    ]


def _what(facts: Mapping[str, Any]) -> list[Run]:
    target = str(facts.get("target", ""))
    difference = AGAINST in target
    if facts.get("any_class"):
        opening = "does not depend on the class; " + ("difference of scores, " if difference else "score of ")
    else:
        opening = "explains the difference of scores, " if difference else "explains the score of "
    runs: list[Run] = [opening, (target, "strong"), f": {score_words(facts.get('score'))}"]
    runs += _start(facts)
    if facts.get("layer"):
        places = facts.get("places")
        runs.append(f", at {facts['layer']}" + (" ({} × {})".format(*places) if places else ""))
    return runs


def _start(facts: Mapping[str, Any]) -> list[Run]:
    if not finite(facts.get("baseline_score")):
        return []
    start = _BASELINES.get(str(facts.get("baseline")), "the given baseline")
    if facts.get("baseline") == "black" and "black" in facts:
        start = "an all-zero input"
    return [f", from {score_words(facts['baseline_score'])} for {start}"]


def _how(facts: Mapping[str, Any]) -> list[list[Run]]:
    parts: list[list[Run]] = []
    parts += [_error(facts["map_error"])] if facts.get("map_error") is not None else []
    if finite(facts.get("residual")):
        parts.append([f"residual {percent(facts['residual'])}"])
    own = {name.replace("_", " "): value for name, value in facts.items() if _extra(name, value)}
    parts += [[f"{name} {_short(value)}"] for name, value in own.items()]
    if facts.get("calls"):
        parts.append([f"{facts['calls']} evaluation{'s' if facts['calls'] != 1 else ''}"])
    if facts.get("dtype") not in (None, "float32"):
        parts.append([str(facts["dtype"])])
    if finite(facts.get("seconds")):
        parts.append([duration(facts["seconds"])])
    if facts.get("stopped") not in (None, "tolerance reached"):
        parts.append([(str(facts["stopped"]), "warn")])
    return parts + [[(str(facts[name]), "warn")] for name in ("weights", "note") if facts.get(name)]


def _error(error: float) -> list[Run]:
    """Describe how near the map is to its limit; beyond its own size a figure says nothing."""
    if np.isnan(error):
        return [("its error is not a number", "warn")]
    return ["map within ", (percent(error), "strong")] if error <= 1 else [("more error than map", "warn")]


def _joined(parts: list[list[Run]]) -> list[Run]:
    runs: list[Run] = []
    for part in parts:
        runs += ([" · "] if runs else []) + part
    return runs


def _extra(name: str, value: object) -> bool:
    """Return a fact of a method's own that one line can carry."""
    return name not in _KNOWN and isinstance(value, (str, int, float)) and len(str(value)) < 40


def _short(value: object) -> str:
    return figure(value) if isinstance(value, float) else str(value)


def nothing_words(title: str, target: str, layer: str | None, status: str) -> str:
    """Return why there is no heat to show, in a sentence."""
    if status == "non-finite":
        return f"{title} gives values for {target} that are not finite numbers; they are left gray."
    kind = "positive evidence" if status == "no positive evidence" else "evidence"
    return f"{title} finds no {kind} for {target}{' at this layer' if layer else ' in this picture'}."


def caption(title: str, target: str, picture: str, heat: np.ndarray) -> str:
    """Describe the picture for a reader who can't see it. heat: (H, W)."""
    place = strongest(heat)
    where = f"; strongest evidence at row {place[0]}, column {place[1]}" if place else "; no evidence shown"
    return f"{title} for {target} over the picture {picture}{where}."


def strongest(heat: np.ndarray) -> tuple[int, int] | None:
    """Return (row, column) of the largest absolute value; None where all is zero or nothing is finite."""
    size = np.nan_to_num(np.abs(heat), nan=0.0, posinf=0.0)
    if not size.size or not size.any():
        return None
    row, column = np.unravel_index(int(size.argmax()), size.shape)
    return int(row), int(column)


def pixel(place: tuple[float, float], shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (row, column) of a place given as fractions, in a picture of this shape."""
    row, column = (int(max(part, 0.0) * size) for part, size in zip(place, shape, strict=True))
    return min(row, shape[0] - 1), min(column, shape[1] - 1)


def tip_words(
    place: tuple[float, float], values: np.ndarray | None, shape: tuple[int, int], top: list[int], prediction: str = ""
) -> str:
    """Describe a place: where it is, the prediction there, the value, the layer's strongest channels."""
    row, column = pixel(place, shape)
    line = f"row {row}, column {column}" + (f" · {prediction}" if prediction else "")
    if values is not None:
        line += f" · {figure(float(values[pixel(place, values.shape)]))}"
    return line + (f"\nstrongest here: ch {', '.join(map(str, top))}" if top else "")
