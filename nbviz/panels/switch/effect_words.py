"""Texts and figures of measured effects: a channel's, a layer's, every class's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbviz.circuits import Effects
from nbviz.drawing.numbers import score_change, signed
from nbviz.session.requests.edits.effects import EffectsAnswer

LARGEST = 5
"""Channels named as those with the largest effects."""
STILL = 1e-5
"""Change that is none, beside the largest score: float32 may add in another order."""


def measured_words(answer: EffectsAnswer, channel: int | None) -> list[Any]:
    """Describe an effect: ``"foretold −0.66, measured −0.41"``, beside what other channels of the layer do."""
    effects, runs = answer.effects, list[Any]()
    column = effects.measured[:, answer.index]
    if _still(effects, channel):
        runs.append("it is off already, or nothing hears it: no score moves without it.")
    elif channel is not None and channel < len(column) and np.isfinite(column[channel]):
        foretold = effects.foretold[answer.index][channel]
        measured = [score_change(float(column[channel])), "strong"]
        runs += [f"without it the score moves: foretold {score_change(float(foretold))}, measured ", measured, "."]
        middling = float(np.nanmedian(np.abs(column)))
        runs.append(f" A middling channel of this layer moves it by {score_change(middling).lstrip('+')}.")
    # from afar the first order tells little (r .21 from the middle of a network), which only this shows
    agreement = effects.agreement(answer.index) if answer.done == 1 else None
    if agreement is not None:
        runs += [" The first order ranks this layer's channels as measured with r ", [signed(agreement), "strong"]]
        runs.append(" (1 the same order, 0 chance).")
    return runs


def largest_words(answer: EffectsAnswer) -> list[list[Any]]:
    """Return the channels with the largest measured effects on the class, of either sign."""
    column = answer.effects.measured[:, answer.index]
    order = np.argsort(-np.abs(column), kind="stable")[:LARGEST]
    return [[int(channel), score_change(float(column[channel]))] for channel in order]


def class_rows(answer: EffectsAnswer, channel: int | None, name: Callable[[int], str]) -> list[list[Any]]:
    """Return every class's change without a channel, largest first: [class, change, bar −1…1, the explained one]."""
    table = answer.effects.measured
    if (
        channel is None
        or channel >= len(table)
        or not np.isfinite(table[channel]).all()
        or _still(answer.effects, channel)
    ):
        return []
    # of every class: what hardly moves the explained one may ruin another
    changes = table[channel]
    most = float(np.abs(changes).max()) or 1.0
    order = np.argsort(-np.abs(changes), kind="stable").tolist()
    return [
        [
            name(index),
            score_change(float(changes[index])),
            round(float(changes[index]) / most, 3),
            index == answer.index,
        ]
        for index in order
    ]


def _still(effects: Effects, channel: int | None) -> bool:
    """Return whether no class's score moves without a channel."""
    # surgery may have taken the channel away
    if channel is None or channel >= len(effects.measured):
        return False
    return bool((np.abs(effects.measured[channel]) <= STILL * np.abs(effects.scores).max()).all())
