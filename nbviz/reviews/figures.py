"""Figures of a whole review, and its calibration as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbviz.errors import Refused
from nbviz.reviews.calibration import Reliability, brier
from nbviz.reviews.intervals import wilson

if TYPE_CHECKING:
    import pandas

    from nbviz.reviews.result import Review


def bins_table(found: Reliability) -> pandas.DataFrame:
    """Return one row per bin: lower and upper edge, count, confidence, frequency and its 95 % interval."""
    import pandas

    table = pandas.DataFrame(
        {
            "from": found.edges[:-1], "to": found.edges[1:], "count": found.counts, "confidence": found.confidence,
            "frequency": found.frequency, "low": found.low, "high": found.high,
        }
    )  # fmt: skip
    table.attrs.update(error=found.error, chance=found.chance, beyond_chance=found.beyond_chance)
    return table


def headline(review: Review) -> dict[str, Any]:
    """Return plain numbers of a review; those that can't be had are None, and ``absent`` says why of each."""
    figures: dict[str, Any] = {"pictures": len(review), "items": review.plan.items, "left_out": review.left_out}
    absent: dict[str, str] = {}
    parts = {"accuracy": _accuracy, "calibration": _calibration, "temperature": _temperature, "risk": _risk}
    for name, part in parts.items():
        try:
            figures[name] = part(review)
        except Refused as reason:
            figures[name], absent[name] = None, str(reason)
    return {**figures, "absent": absent}


def _accuracy(review: Review) -> dict[str, Any]:
    right = review.right
    low, high = wilson(int(right.sum()), len(right))
    top5 = review.top5
    return {
        "labelled": len(right), "value": float(right.mean()), "low": float(low), "high": float(high), "top5": top5,
        "macro_recall": float(np.nanmean(review.classes["recall"])), "log_loss": float(review.loss.mean()),
    }  # fmt: skip


def _calibration(review: Review) -> dict[str, Any]:
    found = review.reliability
    figures = {"error": found.error, "chance": list(found.chance), "beyond_chance": found.beyond_chance}
    # of hundreds of classes the scores kept don't give a Brier score
    return {**figures, "brier": brier(np.exp(review.logs), review.labels) if review.plan.every else None}


def _temperature(review: Review) -> dict[str, Any]:
    found = review.temperature
    errors = {"error_before": found.before.error, "error_after": found.after.error}
    before, after = found.log_loss
    return {"value": found.value, **errors, "log_loss_before": before, "log_loss_after": after}


def _risk(review: Review) -> dict[str, Any]:
    found = review.risk_coverage
    return {"area": found.area, "chance": found.chance}
