"""Limits of the colours a map is drawn in, as values and as text."""

from __future__ import annotations

import numpy as np

from nbviz.drawing.numbers import figure
from nbviz.drawing.overlay import Limits

BRIGHT = 0.995
"""Share of a map's pixels at which its scale ends, where single pixels lie far above all others."""


def evidence_limits(values: np.ndarray, signed: bool, smooth: bool) -> Limits:
    """The values of the end colours. A map of single pixels has a few far above all others, which would leave
    the rest black: its scale ends at the ``BRIGHT`` share of its pixels, and the bar says so.
    """
    limits = Limits.of(values, signed)
    sizes = np.abs(values[np.isfinite(values)])
    if smooth or not sizes.any():
        return limits
    # where the quantile is 0, fewer pixels than that share are above it, and the scale ends at the largest
    high = float(np.quantile(sizes, BRIGHT)) or limits.high
    return Limits(-high if signed else 0.0, high, limits.bad)


def ending(limits: Limits, signed: bool, high: float | None) -> Limits:
    """Return limits that end at ``high`` instead, where it is given."""
    return limits if high is None else Limits(-high if signed else 0.0, high, limits.bad)


def limit_words(
    limits: Limits, signed: bool, what: str, empty: bool, peak: float | None = None
) -> tuple[str, str, str]:
    """Return low end, high end and meaning of the colours; peak: the largest value, which may lie above them."""
    if empty:
        return "", "", ""
    high, above = figure(limits.high), peak is not None and peak > limits.high
    beyond = f" or more; the peak is {figure(peak)}" if above else ""
    if signed:
        words = f"{what}: blue is below zero, black is zero, red is above; from −{high} to +{high}{beyond}"
        return f"−{high}", f"+{high}", words
    return "0", f"≥ {high}" if above else high, f"{what}: black is 0, brightest is {high}{beyond}"
