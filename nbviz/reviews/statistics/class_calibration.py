"""Calibration per class: whether a class's probability, and the answers that name it, can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from nbviz.errors import Refused
from nbviz.reviews.statistics.calibration import LEAST, Floats, reliability
from nbviz.reviews.statistics.intervals import holm, wilson

if TYPE_CHECKING:
    import pandas

DRAWS, WORK = 200, 2 * 10**8
"""Draws of a class's chance level; draws × pictures × classes at most, for which there are fewer, and 20 at least."""


def class_calibration(
    probabilities: Floats, present: NDArray[np.bool_], answers: NDArray[np.bool_], names: Sequence[str]
) -> pandas.DataFrame:
    """Return one row per class, the one least to be believed first. Raises Refused below 30 pictures.

    probabilities: (N, classes). present: (N, classes), whether the class is there. answers: (N, classes), whether the
    network says it. Of the class's probability over all pictures: ``error`` of calibration, and ``chance_low`` and
    ``chance_high``, between which it lies for a perfectly calibrated network in 90 of 100 samples. Of the pictures of
    which the network says it, ``answers`` of them: ``said`` (mean probability), ``right`` (share) with its 95 % Wilson
    interval ``low`` and ``high``, ``p`` (two-sided, of the number that is right: Poisson's binomial distribution by its
    normal limit; NaN below 30) and ``corrected`` (by Holm). Overconfident is a class with ``said`` above ``right``.
    """
    import pandas

    count, classes = probabilities.shape
    if count < LEAST:
        raise Refused(f"Calibration needs at least {LEAST} labelled pictures; there are {count}.")
    # of a thousand classes 200 draws each take minutes; the band of 5 to 95 % needs some twenty
    draws = int(np.clip(WORK // (count * classes), 20, DRAWS))
    rows = []
    for index, name in enumerate(names):
        found = reliability(probabilities[:, index], present[:, index], draws)
        said, right = probabilities[answers[:, index], index], present[answers[:, index], index]
        low, high = wilson(right.sum(), len(right))
        mean = (said.mean(), right.mean()) if len(said) else (np.nan, np.nan)
        rows.append(
            (name, index, found.error, *found.chance, len(said), *mean, float(low), float(high), _p(said, right))
        )
    columns = ["class", "index", "error", "chance_low", "chance_high", "answers", "said", "right", "low", "high", "p"]
    table = pandas.DataFrame(rows, columns=columns)
    table["corrected"] = holm(table["p"].to_numpy(float))
    return table.sort_values(["corrected", "p"], kind="stable", ignore_index=True)


def _p(said: Floats, right: NDArray[np.bool_]) -> float:
    """p of as many right answers, were each right with the probability said."""
    spread = float(np.sqrt((said * (1 - said)).sum()))
    if len(said) < LEAST:
        return np.nan
    missed = abs(float(right.sum() - said.sum()))
    # probabilities of exactly 0 and 1: a single miss can't be chance
    if spread == 0:
        return 1.0 if missed == 0 else 0.0
    return float(2 * ndtr(-missed / spread))
