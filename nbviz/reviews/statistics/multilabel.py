"""Figures of networks that say of each class by itself whether it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from nbviz.replica.scikit_import import scikit
from nbviz.reviews.statistics.calibration import Floats, Reliability, Temperature, fit_temperature, reliability
from nbviz.reviews.statistics.intervals import wilson
from nbviz.reviews.statistics.labels import SuspectLabels, suspect_labels

if TYPE_CHECKING:
    import pandas

HALF = 0.5
"""Probability from which a class counts as said to be there."""


def presence_table(probabilities: Floats, present: NDArray[np.bool_], names: Sequence[str]) -> pandas.DataFrame:
    """Return one row per class: the columns of a class table, and average precision beside chance.

    probabilities, present: (N, classes). A class is said from a probability of .5 on. ``average_precision``: area under
    precision over recall, of the probability as it is; ``prevalence``, the share of pictures with the class, is its
    value by chance. NaN where nothing was counted.
    """
    import pandas

    metrics = scikit("metrics")
    said, count = probabilities >= HALF, len(names)
    every = np.arange(count)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        present, said, labels=every, average=None, zero_division=np.nan
    )
    hits, predicted = (present & said).sum(0), said.sum(0)
    recall_low, recall_high = wilson(hits, support)
    precision_low, precision_high = wilson(hits, predicted)
    # scikit-learn has 0 for a class that no picture has, of which nothing was counted
    areas = [
        metrics.average_precision_score(present[:, index], probabilities[:, index]) if support[index] else np.nan
        for index in range(count)
    ]
    return pandas.DataFrame(
        {
            "class": list(names), "index": every, "support": support, "predicted": predicted,
            "precision": precision, "precision_low": precision_low, "precision_high": precision_high,
            "recall": recall, "recall_low": recall_low, "recall_high": recall_high, "f1": f1,
            "average_precision": areas, "prevalence": present.mean(0),
        }
    )  # fmt: skip


def presence_loss(logs: tuple[Floats, Floats], present: NDArray[np.bool_]) -> Floats:
    """Return the negative log probability of each picture's labels, in nats, summed over classes, (N,).

    logs: log probabilities (N, classes) of absence and of presence.
    """
    return -np.where(present, logs[1], logs[0]).sum(1)


def presence_temperature(odds: Floats, present: NDArray[np.bool_], seed: int = 0) -> Temperature:
    """Fit a temperature to log odds (N, classes) on half of the pictures, see :func:`temperature`.

    Its reliability and log loss are of every class of every picture. Raises Refused below 60 pictures.
    """
    log_loss = scikit("metrics").log_loss

    def loss(value: float, rows: NDArray[np.int64]) -> float:
        # labels named: a half in which no class is there would not show that there are two answers
        return float(log_loss(present[rows].ravel(), expit(odds[rows] / value).ravel(), labels=[False, True]))

    def judged(value: float, rows: NDArray[np.int64]) -> Reliability:
        return reliability(expit(odds[rows] / value).ravel(), present[rows].ravel(), seed=seed)

    return fit_temperature(len(odds), loss, judged, seed)


def suspect_presence(probabilities: Floats, present: NDArray[np.bool_]) -> list[SuspectLabels]:
    """Return the suspect labels of each class: there or not, suggested 1 or 0, see :func:`suspect_labels`."""
    return [
        suspect_labels(np.stack([1 - column, column], 1), there.astype(np.int64))
        for column, there in zip(probabilities.T, present.T, strict=True)
    ]
