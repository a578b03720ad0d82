"""Suspect labels: the network speaks against them as surely as for those that it agrees with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SuspectLabels:
    """Pictures whose label is suspect, the most suspect first."""

    rows: NDArray[np.int64]
    """Places in what was passed."""
    suggested: NDArray[np.int64]
    """(as rows): the class that the network says surely instead."""
    margin: NDArray[np.float64]
    """(as rows): probability of the label minus that of the suggestion, −1…0; the lower, the more suspect."""


def suspect_labels(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> SuspectLabels:
    """Find labels that confident learning holds for wrong (Northcutt et al. 2021, doi:10.1613/jair.1.12125).

    probabilities: (N, classes). labels: (N,) ≥ 0. A class's threshold is the mean probability that pictures labelled
    so have of it; a picture is suspect where, of the classes whose threshold it reaches, the likeliest is another
    than its label.
    """
    count = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    support = np.bincount(labels, minlength=count)
    sums = np.bincount(labels, own, count)
    # a class without pictures has no threshold, and suspects nobody
    threshold = np.where(support > 0, sums / np.maximum(support, 1), np.inf)
    reached = np.where(probabilities >= threshold, probabilities, -1.0)
    suggested = reached.argmax(1)
    rows = np.flatnonzero((reached.max(1) >= 0) & (suggested != labels))
    margin = own[rows] - probabilities[rows, suggested[rows]]
    order = np.argsort(margin, kind="stable")
    return SuspectLabels(rows[order], suggested[rows][order], margin[order])
