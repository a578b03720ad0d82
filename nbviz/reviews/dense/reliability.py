"""Reliability of answers that are not independent: those of one picture hang together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nbviz.reviews.dense.bootstrap import Floats, interval, resampled
from nbviz.reviews.statistics.calibration import Reliability


def binned(count: NDArray[np.integer], right: NDArray[np.integer], said: Floats) -> Reliability:
    """Return confidence against frequency in bins of equal width over 0…1; those that hold nothing are left out.

    count, right, said: (pictures, bins) answers, right ones, and sums of their confidences. Intervals are by a
    bootstrap over pictures; ``chance`` is NaN, for how far the bins of a perfectly calibrated network stray depends on
    how alike the answers of one picture are, which nobody knows.
    """
    bins, used = count.shape[1], count.sum(0) > 0
    sums = np.split(resampled(np.concatenate([count, right, said], 1)), 3, axis=1)
    # over pictures, not answers: a picture's thousands of pixels are no thousands of observations
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = interval((sums[1] / sums[0])[:, used])
        frequency, confidence = (right.sum(0) / count.sum(0))[used], (said.sum(0) / count.sum(0))[used]
    total = count.sum(0)[used]
    error = float((np.abs(frequency - confidence) * total).sum() / max(1, total.sum()))
    places = np.flatnonzero(used)
    edges = np.append(places, places[-1] + 1 if len(places) else 0) / bins
    return Reliability(edges, total, confidence, frequency, low, high, error, (np.nan, np.nan))
