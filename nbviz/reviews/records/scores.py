"""Answers, and log probabilities per class, from the scores that a network puts out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax
from torch import Tensor

from nbviz.errors import Refused
from nbviz.model.scoring.outputs import ClassScores
from nbviz.reviews.records.plan import ReviewPlan

TINY = float(np.finfo(np.float32).tiny)
"""Least probability whose logarithm is taken: a network's float32 shares reach 0, where it is infinite."""


def predictions(output: ClassScores) -> Tensor:
    """Return the class that is said of each picture, (N,), on the CPU; of one score 1 where "yes" is likelier."""
    # argmax of one score is 0 whatever it says; and above 0 is "yes" of a logit only, not of a probability
    if output.logits.shape[1] == 1:
        return (output.probabilities[:, 0].cpu() > 0.5).long()
    # of scores, for float64 shares can tie where they don't; on the CPU, where the first of equal ones is taken
    return output.logits.float().cpu().argmax(1)


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
        # a single score stands against 0: softmax of both is its sigmoid
        return log_softmax(np.concatenate([0 * wide, wide], 1) if plan.scores == 1 else wide, axis=1)
    if plan.scale == "sigmoid":
        return np.concatenate([log_expit(-wide), log_expit(wide)], 1) if plan.scores == 1 else log_expit(wide)
    shares = np.concatenate([1 - wide, wide], 1) if plan.scores == 1 else wide
    return np.log(np.maximum(shares, TINY))
