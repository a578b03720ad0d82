"""Texts and figures of a circuit's step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbviz.circuits import Step
from nbviz.drawing.numbers import percent, three_digits
from nbviz.panels.circuit.walk import Walked
from nbviz.session.requests.edits.circuit import CircuitAnswer, also_feeds


def node_lines(answer: CircuitAnswer, name: Callable[[int], str]) -> list[list[Any]]:
    """Describe the node, a line of runs each."""
    label, lines = name(answer.index), list[list[Any]]()
    score = float(answer.scores[answer.index]) if answer.scores is not None else None
    if answer.node.is_score:
        return [] if score is None else [[[three_digits(score), "strong"], " raw score"]]
    if answer.step is not None:
        place = "" if answer.node.place is None else " at row {}, column {}".format(*answer.node.place)
        if answer.node.token is not None:
            place = f" at token {answer.node.token}, before the first place"
        before = " before its non-linearity" if answer.step.before else ""
        lines.append([[three_digits(answer.step.value), "strong"], f"{place}{before}"])
    if answer.effects is not None and score is not None:
        loss = -float(answer.effects[answer.index])
        verb = "loses" if loss >= 0 else "gains"
        lines.append(
            [
                "switched off, ",
                [label, "em"],
                f" {verb} ",
                [three_digits(abs(loss)), "strong"],
                f" of {three_digits(score)}",
            ]
        )
        others = " · ".join(f"{name(index)} {three_digits(value, plus=True)}" for index, value in also_feeds(answer))
        lines.append([f"also feeds: {others}"])
    return lines


def checked(taken: Step) -> list[Any]:
    """Return the line that checks the step: what the channels shown give alone, and what is left without them."""
    count, total = len(taken.top), len(taken.effects)
    if taken.given is None or taken.left is None:
        return [f"The {taken.kind}s of this layer give nothing to it: what it is comes by other ways."]
    if count == total:  # alone they give all of it, by definition
        rest = f"{three_digits(taken.off)} of {three_digits(taken.value)}"
        return [["Checked:", "strong"], f" all {total} {taken.kind}s are shown; without any of them {rest} is left."]
    line: list[Any] = [["Checked:", "strong"], f" these {count} of {total} alone give ", *share_words(taken.given)]
    line += ["; without them ", *share_words(taken.left), " is left."]
    if max(taken.given, taken.left) > 1 or min(taken.given, taken.left) < 0:
        line.append(" Some drive it and some inhibit it, so that these are no shares.")
    if taken.spread:
        line.append(f" Spread over many: no few {taken.kind}s explain it.")
    if not taken.exact:
        line.append(" Forwards could not be resumed at this layer; each was a whole one.")
    return line


def rows(taken: Step, values: np.ndarray) -> tuple[list[list[Any]], list[Any]]:
    """Return the channels as rows, and the rest summed in one."""
    top, rest = list(taken.top), float(np.nansum(values) - np.nansum(values[list(taken.top)]))
    # the rest is many channels together: its bar is cut at the scale of single ones
    most = float(np.nanmax(np.abs(values[top]), initial=0.0)) or 1.0
    shown = []
    for channel in top:
        value = float(values[channel])
        known = bool(np.isfinite(value))
        share = effect_share(value, taken.value) if known else ""
        shown.append([channel, three_digits(value, plus=True) if known else "–", share, value / most if known else 0.0])
    others = len(taken.effects) - len(top)
    words = [
        f"the other {others} {taken.kind}s, summed",
        three_digits(rest, plus=True),
        float(np.clip(rest / most, -1.2, 1.2)),
    ]
    return shown, words if others else []


def share_words(share: float) -> list[Any]:
    """Write what is given of a node, in runs: a share where it is one, else how many times its value."""
    if 0 <= share <= 1:
        return [[percent(share), "strong"], " of it"]
    return [[f"{three_digits(share)} × its value", "strong"]]


def effect_share(effect: float, value: float) -> str:
    """Write an effect beside the node's value: a share of it; where it is larger than that, that it is so."""
    if not value:
        return ""
    share = abs(effect / value)
    return f"{100 * share:.1f} %" if share <= 1 else "more than it is"


def code(path: Sequence[Walked], answer: CircuitAnswer, name: str) -> str:
    """Return the Python that makes the walk's layers as a table."""
    layers = [at.layer for at in path if at.layer]
    if answer.step is not None and answer.step.kind == "head":
        node, layer = answer.node, answer.step.source
        made = f"nbviz.circuits.Node({node.layer!r}, {node.channel}, {node.place}, {node.token})"
        heads = len(answer.step.effects)
        return f"nbviz.circuits.head_step(model, model.input(picture), {made}, {layer!r}, {heads}).effects"
    if answer.source:
        layers.append(answer.source)
    return f"nbviz.circuits.circuit(model, picture, {name!r}, layers={layers!r})"
