"""Texts and figures of a circuit's step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbviz.circuits import Step
from nbviz.drawing.numbers import percent, three_digits
from nbviz.panels.circuit.walk import Walked
from nbviz.session.requests.edits.circuit import CircuitAnswer, also_feeds


def node_lines(answer: CircuitAnswer, name: Callable[[int], str], pinned: bool = False) -> list[list[Any]]:
    """Describe the node, a line of runs each; pinned: whether its place was."""
    label, lines = name(answer.index), list[list[Any]]()
    score = float(answer.scores[answer.index]) if answer.scores is not None else None
    if answer.node.is_score:
        return [] if score is None else [[[three_digits(score), "strong"], " raw score"]]
    value = _value(answer)
    if value is not None:
        lines.append([[three_digits(value), "strong"], _where(answer, pinned)])
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


def _value(answer: CircuitAnswer) -> float | None:
    """Return the node's value, which at the walk's end is that of its map; None where it is still to come."""
    if answer.step is not None:
        return answer.step.value
    if answer.source or answer.here is None or answer.node.place is None:
        return None
    return float(answer.here[answer.node.place])


def _where(answer: CircuitAnswer, pinned: bool) -> str:
    """Describe the place of the node, and whether it is read before its non-linearity."""
    words, node = "", answer.node
    if node.place is not None:
        how = "which is pinned" if pinned else "its strongest place"
        words = f" at row {node.place[0]}, column {node.place[1]}, {how}"
    elif node.token is not None:
        words = f" at token {node.token}, which is no place of the picture"
    return words + (", before its non-linearity" if answer.step is not None and answer.step.before else "")


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
    if not (_is_share(taken.given) and _is_share(taken.left)):
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
    if _is_share(share):
        return [[percent(min(max(share, 0.0), 1.0)), "strong"], " of it"]
    return [[f"{three_digits(share)} × its value", "strong"]]


def _is_share(share: float) -> bool:
    # as it is written, in whole per cent: what 1.004 is over 1 says nothing about who inhibits whom
    return 0 <= round(share, 2) <= 1


def effect_share(effect: float, value: float) -> str:
    """Write an effect beside the node's value: a share of it; where it is larger than that, that it is so."""
    if not value:
        return ""
    share = abs(effect / value)
    return f"{100 * share:.1f} %" if share <= 1 else "> 100 %"


def code(path: Sequence[Walked], answer: CircuitAnswer, target: str | int, picture: str, model: str) -> str:
    """Return the Python that makes the walk's layers as a table. picture, model: the expressions of both."""
    layers, node = [at.layer for at in path if at.layer], answer.node
    made = f"nbviz.circuits.Node({node.layer!r}, {node.channel}, {node.place}, {node.token})"
    given = f"{model}, {model}.input({picture}), {made}"
    if answer.step is not None and answer.step.kind == "head":
        return f"nbviz.circuits.head_step({given}, {answer.step.source!r}, {len(answer.step.effects)}).effects"
    if answer.source and path[-1].place is not None:
        return f"nbviz.circuits.step({given}, {answer.source!r}).effects"
    if answer.source:
        layers.append(answer.source)
    return f"nbviz.circuits.circuit({model}, {picture}, {target!r}, layers={layers!r})"
