"""Texts and curves of the channels that a class needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbviz.circuits import ClassEffects, Need
from nbviz.drawing.numbers import percent, signed, three_digits


def curve_data(need: Need) -> dict[str, Any]:
    """Return the curves as fractions of the chart: ``at`` along it, ``go``, ``stay``, and bands of random orders."""
    along = np.log2(1 + need.counts) / np.log2(1 + need.counts[-1])
    curves = {"go": need.without, "stay": need.alone}
    randoms = {"go": need.random_without, "stay": need.random_alone}
    every = np.concatenate([*curves.values(), *(values.ravel() for values in randoms.values())])
    low, high = float(np.nanmin(every)), float(np.nanmax(every))

    def up(values: np.ndarray) -> list[float]:
        return [round(float(value), 4) for value in (values - low) / ((high - low) or 1.0)]

    data: dict[str, Any] = {name: up(values) for name, values in curves.items()}
    for name, values in randoms.items():
        data[f"{name}_band"] = [up(values.min(0)), up(values.max(0))] if len(values) else []
    at, total = [round(float(x), 4) for x in along], int(need.counts[-1])
    marked = [(x, count) for x, count in zip(at, need.counts.tolist(), strict=True) if _ticked(count, total)]
    ticks = [[x, f"{count} channels" if count == total else str(count)] for x, count in marked]
    return data | {"at": at, "ticks": ticks, "low": three_digits(low), "high": three_digits(high)}


def need_words(need: Need, name: str) -> list[Any]:
    """Describe the need, in runs: how many channels take half of what the layer gives, and how many at random."""
    total = int(need.counts[-1])
    gone, there = need.half_gone(need.without), need.half_there(need.alone)
    if gone is None or there is None:
        whole, none = signed(need.score), signed(need.base)
        runs: list[Any] = [f"With none of these channels the score is {none}, with all {whole}: the layer as a whole "]
        if need.score < need.base:
            return [*runs, "speaks against ", [name, "em"], ", so that there is no need of it to halve."]
        return [*runs, "gives ", [name, "em"], " nothing."]
    lost = [_known(need.half_gone(row), total) for row in need.random_without]
    kept = [_known(need.half_there(row), total) for row in need.random_alone]
    runs = ["half of what this layer gives ", [name, "em"], " is gone without ", [f"{gone} of {total}", "strong"]]
    runs += [f" channels{_at_random(lost)}; half is there with ", [str(there), "strong"], f" alone{_at_random(kept)}."]
    if lost and gone >= min(lost):
        runs.append(" No better than chance: no few channels carry this class here.")
    if not need.exact:
        runs.append(" Forwards could not be resumed at this layer; each was a whole one.")
    return runs


def over_rows(effects: ClassEffects, name: Callable[[int], str]) -> list[list[Any]]:
    """Return per class: [class, effect, interval, effect of random channels, answers, pictures, telling]."""
    rows = []
    for index, count, effect, low, high, control, _, right, without in effects.rows():
        band = f"{signed(low, True)} … {signed(high, True)}" if np.isfinite(low) else "one picture"
        telling = bool(low > 0 or high < 0)
        chance = signed(control, True) if np.isfinite(control) else "–"
        answers = f"{percent(right, 0)} → {percent(without, 0)}"
        rows.append([name(index), signed(effect, True), band, chance, answers, count, telling])
    return rows


def over_words(effects: ClassEffects, channels: Sequence[int], edited: bool) -> str:
    """Describe what was measured over pictures, and how the answers as a whole fare.

    edited: edits are on, which this measures nothing of.
    """
    before, after = ((scores.argmax(1) == effects.labels).mean() for scores in (effects.scores, effects.off))
    which = f"channel {channels[0]}" if len(channels) == 1 else f"these {len(channels)} channels"
    right = f"{percent(before, 0)} right → {percent(after, 0)}"
    return (
        f"without {which}, over {len(effects.labels)} labelled pictures{' (and no other edit)' * edited}: {right}. "
        "Each class on its own pictures, with the 95 % interval of its mean, beside as many random channels:"
    )


def _known(count: int | None, total: int) -> int:
    return total if count is None else count


def _at_random(counts: Sequence[int]) -> str:
    if not counts:
        return ""
    return f", in random order {float(np.median(counts)):g} ({min(counts)} … {max(counts)} in {len(counts)} orders)"


def _ticked(count: int, total: int) -> bool:
    return count == total or (count in (0, 1, 4, 16, 64, 256, 1024) and count < 0.7 * total)
