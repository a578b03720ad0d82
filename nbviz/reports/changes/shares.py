"""Differences between two networks' shares of right answers, each with its test and its interval."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nbviz.reports.values import Values
from nbviz.reviews.shift.answers import mcnemar
from nbviz.reviews.statistics.intervals import Estimate, paired_difference, share_of


class Difference(NamedTuple):
    """Change of a share from an older network to a newer one."""

    change: Estimate
    p: float
    words: str

    @property
    def lost(self) -> float:
        """Loss, positive where the newer network is worse."""
        return -self.change.value


def paired(was: NDArray[np.bool_], now: NDArray[np.bool_]) -> Difference:
    """Compare right answers (N,) to the same pictures: McNemar's exact test, Agresti and Min's interval."""
    p, lost, won = mcnemar(was, now)
    words = f"{was.mean():.3f} → {now.mean():.3f}, {lost} lost, {won} won"
    return _difference(paired_difference(lost, won, len(was)), p, words)


def not_paired(one: Values, other: Values, total: str, share: str) -> Difference:
    """Compare shares of two tables by their counts: Fisher's exact test, square and add of Wilson's intervals."""
    from scipy.stats import fisher_exact

    # a private report tells shares and totals: counts follow from them
    was, now = ((round((row[share] or 0) * row[total]), row[total]) for row in (one, other))
    change = share_of(*now).less(share_of(*was))
    p = float(fisher_exact([[right, count - right] for right, count in (was, now)]).pvalue)
    before, after = (right / max(1, count) for right, count in (was, now))
    return _difference(change, p, f"{before:.3f} → {after:.3f}, not paired")


def _difference(change: Estimate, p: float, words: str) -> Difference:
    return Difference(change, p, f"{words}, 95 %: {change.low:+.3f} … {change.high:+.3f}")
