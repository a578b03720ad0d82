"""Log probabilities per class from the scores that a network puts out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax

from nbviz.errors import Refused
from nbviz.reviews.records.plan import ReviewPlan

TINY = float(np.finfo(np.float32).tiny)


def log_probabilities(scores: NDArray[np.float32], plan: ReviewPlan) -> NDArray[np.float64]:
    """Return (N, classes) log probabilities of scores (N, scores), by the plan's scale; two classes of one score.

    Raises Refused where not every score was kept.
    """
    if not plan.every:
        raise Refused(
            f"This needs every score of a picture, and of {plan.scores} classes a review keeps the largest {plan.kept}."
        )
    wide = scores.astype(np.float64)
    if plan.scale == "softmax":
        return log_softmax(np.concatenate([0 * wide, wide], 1) if plan.scores == 1 else wide, axis=1)
    if plan.scale == "sigmoid":
        return np.concatenate([log_expit(-wide), log_expit(wide)], 1) if plan.scores == 1 else log_expit(wide)
    shares = np.concatenate([1 - wide, wide], 1) if plan.scores == 1 else wide
    return np.log(np.maximum(shares, TINY))
