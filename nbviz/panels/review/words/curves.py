"""Curves of a review, calibration and risk over coverage, as plain data and texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbviz.attribution.words import Run
from nbviz.drawing.numbers import percent
from nbviz.reviews.result import Review
from nbviz.reviews.statistics.calibration import Reliability
from nbviz.reviews.statistics.intervals import SIGNIFICANCE
from nbviz.session.requests.review import MOST, class_work

CLASSES, SHARES = 20, ("said", "right")
"""Classes that are listed, and the figures of each."""
POINTS = 60
"""Points of the risk–coverage curve that are drawn."""


def curve(review: Review) -> dict[str, Any]:
    """Return the reliability diagram of all answers, and risk over coverage. Raises Refused below 30 pictures."""
    found, risk = review.reliability, review.risk_coverage
    # once each, where there are fewer pictures than points
    places = np.unique(np.linspace(0, len(risk.risk) - 1, POINTS).round().astype(int))
    words = [*_bins_words(found), *_scores_words(review)]
    return {
        "bins": bins(found), "words": words,
        "risk": [[float(risk.coverage[at]), float(risk.risk[at])] for at in places],
        "classes": _class_rows(review),
        "risk_words": [f"Wrong among the surest: area {risk.area:.4f}, were sureness no guide {risk.chance:.4f}."],
    }  # fmt: skip


def _class_rows(review: Review) -> list[list[Any]]:
    """Return [class, answers, said, right, interval, beyond chance] per class, as far as it was computed ahead."""
    if not review.plan.every or class_work(review) > MOST:
        return []
    rows = review.class_calibration.head(CLASSES).to_dict("records")
    return [
        [
            row["class"], f"{row['answers']:,}", *(f"{row[name]:.3f}" if row["answers"] else "–" for name in SHARES),
            f"{row['low']:.3f}–{row['high']:.3f}", bool(row["corrected"] < SIGNIFICANCE),
        ]
        for row in rows
    ]  # fmt: skip


def bins(found: Reliability, noun: str = "pictures") -> list[list[Any]]:
    """Return [confidence, frequency, low, high, words] per bin."""
    columns = found.confidence, found.frequency, found.low, found.high, found.counts
    return [[*map(float, row[:4]), _bin_words(noun, *row)] for row in zip(*columns, strict=True)]


def _bin_words(noun: str, said: float, right: float, low: float, high: float, count: int) -> str:
    return f"{count:,} {noun}: said {said:.3f}, was right {right:.3f} ({low:.3f}–{high:.3f})"


def _bins_words(found: Reliability) -> list[Run]:
    counts = found.counts
    size = f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"
    # beside chance: on hundreds of pictures the error is mostly bias, and means nothing alone
    low, high = found.chance
    band = f"({percent(low, 2)} to {percent(high, 2)})"
    middle = " is more than" if found.beyond_chance else " is no more than"
    return [
        f"{len(counts)} bins of equal size, {size} pictures each; bars: 95 % (Wilson). The error of ",
        (percent(found.error, 2), "strong"),
        f"{middle} a perfectly calibrated network would show at this size {band}.",
    ]


def _scores_words(review: Review) -> list[Run]:
    summary = review.summary
    brier, accuracy, temperature = summary["calibration"]["brier"], summary["accuracy"], summary["temperature"]
    words = [] if brier is None else [f" Brier {brier:.3f} · log loss {accuracy['log_loss']:.3f}."]
    if temperature is not None:
        before, after = (percent(temperature[name], 2) for name in ("error_before", "error_after"))
        words.append(f" One temperature, fitted on one half ({temperature['value']:.2f}), takes the other's error ")
        words.append(f"from {before} to {after}.")
    return ["".join(words)]
