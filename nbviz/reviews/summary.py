"""Figures of a whole review, and its calibration as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import Refused
from nbviz.reviews.records.records import Records
from nbviz.reviews.statistics.calibration import Reliability, Temperature
from nbviz.reviews.statistics.intervals import wilson

if TYPE_CHECKING:
    import pandas


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


def headline(records: Records, parts: Mapping[str, Callable[[], dict[str, Any]]]) -> dict[str, Any]:
    """Return plain numbers of a review; those that can't be had are None, and ``absent`` says why of each."""
    figures: dict[str, Any] = {"pictures": len(records), "items": records.plan.items, "left_out": records.left_out}
    absent: dict[str, str] = {}
    for name, part in parts.items():
        try:
            figures[name] = part()
        # each part by itself: what can't be had of one leaves the others as they are
        except Refused as reason:
            figures[name], absent[name] = None, str(reason)
    return {**figures, "absent": absent}


def accuracy_figures(records: Records, classes: pandas.DataFrame, labels: NDArray[Any]) -> dict[str, Any]:
    """Return accuracy with its 95 % Wilson interval, top five, mean recall of the classes and log loss (nats).

    labels: of each labelled picture, a class or a row of yes and no per class. ``chance``: accuracy of who gives all
    pictures the commonest of them.
    """
    right = records.right
    low, high = wilson(int(right.sum()), len(right))
    commonest = np.unique(labels, axis=0, return_counts=True)[1].max()
    return {
        "labelled": len(right), "value": float(right.mean()), "low": float(low), "high": float(high),
        "chance": float(commonest / len(right)),
        "top5": records.top5, "macro_recall": float(np.nanmean(classes["recall"])),
        "log_loss": float(records.loss.mean()),
    }  # fmt: skip


def calibration_figures(found: Reliability, brier: float | None) -> dict[str, Any]:
    """Return the calibration error beside chance, and the Brier score; None where not every score was kept."""
    figures = {"error": found.error, "chance": list(found.chance), "beyond_chance": found.beyond_chance}
    return {**figures, "brier": brier}


def temperature_figures(found: Temperature) -> dict[str, Any]:
    """Return the temperature, and error and log loss without and with it."""
    errors = {"error_before": found.before.error, "error_after": found.after.error}
    before, after = found.log_loss
    return {"value": found.value, **errors, "log_loss_before": before, "log_loss_after": after}
