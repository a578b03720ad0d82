"""Calibration: whether the network is right about 80 % of the pictures that it is 80 % sure of.

The calibration error of a finite sample is above zero even for a perfectly calibrated network, so it stands beside what
such a network would show: its labels drawn from the confidences themselves, many times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from nbviz.errors import Refused
from nbviz.reviews.statistics.intervals import wilson

BINS, LEAST, DRAWS = 15, 30, 1000
"""Bins at most; pictures of a bin, at least; draws of labels for the chance level."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence against frequency, in bins of about as many pictures each."""

    edges: Floats
    """(bins + 1,): a bin holds its lower edge and not its upper one; the last holds both, which may be equal."""
    counts: NDArray[np.int64]
    """(bins,)."""
    confidence: Floats
    """(bins,): mean confidence."""
    frequency: Floats
    """(bins,): share of the pictures of which the statement was true."""
    low: Floats
    high: Floats
    """(bins,): 95 % Wilson interval of the frequency."""
    error: float
    """Expected calibration error, 0…1: the mean distance of frequency and confidence, by counts."""
    chance: tuple[float, float]
    """The error (5 %, 95 %) of a perfectly calibrated network with the same confidences."""

    @property
    def beyond_chance(self) -> bool:
        """True if the error is larger than a perfectly calibrated network would show in 95 of 100 samples."""
        return self.error > self.chance[1]


def reliability(confidence: Floats, true: NDArray[np.bool_], draws: int = DRAWS, seed: int = 0) -> Reliability:
    """Bin confidences (N,) in 0…1 by equal mass, and compare each bin with how often it was ``true`` (N,).

    At most 15 bins of at least 30 pictures each. Equal confidences stay in one bin. Raises Refused below 30 pictures.
    """
    if len(confidence) < LEAST:
        raise Refused(f"Calibration needs at least {LEAST} labelled pictures; there are {len(confidence)}.")
    # of equal mass: most answers are sure, and bins of equal width would leave some a handful of pictures
    edges = _edges(confidence)
    place = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, minlength=len(edges) - 1)
    sums = np.bincount(place, confidence, len(edges) - 1)
    hits = np.bincount(place, true, len(edges) - 1)
    rng = np.random.default_rng(seed)
    chance = np.empty(draws)
    for draw in range(draws):
        # calibrated by construction, and over the same confidences, so in the same bins
        drawn = rng.random(len(confidence)) < confidence
        chance[draw] = _error(np.bincount(place, drawn, len(edges) - 1), sums)
    low, high = wilson(hits, counts)
    total = len(confidence)
    band = tuple(float(end) / total for end in np.quantile(chance, (0.05, 0.95)))
    error = _error(hits, sums) / total
    return Reliability(edges, counts, sums / counts, hits / counts, low, high, error, (band[0], band[1]))


def _error(hits: NDArray[Any], sums: NDArray[Any]) -> float:
    return float(np.abs(hits - sums).sum())


def _edges(confidence: Floats) -> Floats:
    """Return the edges of bins of equal mass, none of them empty or with fewer than the least."""
    ordered = np.sort(confidence)
    bins = min(BINS, len(ordered) // LEAST)
    edges = [ordered[0]]
    for number in range(1, bins):
        edge = ordered[number * len(ordered) // bins]
        # ties can make a bin smaller than asked: its pictures then go to the next
        inside = np.searchsorted(ordered, edge) - np.searchsorted(ordered, edges[-1])
        behind = len(ordered) - np.searchsorted(ordered, edge)
        if edge > edges[-1] and inside >= LEAST and behind >= LEAST:
            edges.append(edge)
    return np.array([*edges, ordered[-1]])


def brier(probabilities: Floats, labels: NDArray[np.int64]) -> float:
    """Return the Brier score of class probabilities (N, classes): mean squared distance to the truth, 0…2."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(labels)), labels] = 1
    return float(((probabilities - truth) ** 2).sum(1).mean())


def log_loss(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Return the mean negative log probability of the true class, in nats, from raw scores (N, classes)."""
    return float(-log_softmax(logits.astype(float), axis=1)[np.arange(len(labels)), labels].mean())


@dataclass(frozen=True, eq=False)
class Temperature:
    """Number that all scores are divided by, fitted on one half of the pictures and judged on the other."""

    value: float
    """Above 1 the network is too sure of itself, below 1 not sure enough."""
    before: Reliability
    after: Reliability
    """Of the other half, without and with it."""
    log_loss: tuple[float, float]
    """Of the other half, without and with it."""


def temperature(logits: Floats, labels: NDArray[np.int64], seed: int = 0) -> Temperature:
    """Fit a temperature (Guo et al. 2017, arXiv:1706.04599) to scores (N, classes); N at least 60, else Refused."""
    scores = logits.astype(float)

    def loss(value: float, rows: NDArray[np.int64]) -> float:
        return log_loss(scores[rows] / value, labels[rows])

    def judged(value: float, rows: NDArray[np.int64]) -> Reliability:
        shares = softmax(scores[rows] / value, axis=1)
        return reliability(shares.max(1), shares.argmax(1) == labels[rows], seed=seed)

    return fit_temperature(len(labels), loss, judged, seed)


def fit_temperature(
    count: int,
    loss: Callable[[float, NDArray[np.int64]], float],
    judged: Callable[[float, NDArray[np.int64]], Reliability],
    seed: int,
) -> Temperature:
    """Fit a temperature on half of ``count`` pictures, and judge it on the other half.

    loss, judged: log loss, and reliability, of some of them by a temperature. Raises Refused below 60 pictures.
    """
    from scipy.optimize import minimize_scalar

    if count < 2 * LEAST:
        raise Refused(f"A temperature needs {2 * LEAST} labelled pictures, half to fit it and half to judge it.")
    order = np.random.default_rng(seed).permutation(count)
    # judged on pictures it was not fitted to: on its own half even a useless number looks like a gain
    fit, judge = order[: count // 2], order[count // 2 :]
    # over the logarithm: half as sure and twice as sure are as far from 1
    best = minimize_scalar(lambda power: loss(float(np.exp(power)), fit), bounds=(-4, 4), method="bounded")
    value = float(np.exp(best.x))
    return Temperature(value, judged(1.0, judge), judged(value, judge), (loss(1.0, judge), loss(value, judge)))


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Share of wrong answers if the network may decline the pictures it is least sure of."""

    coverage: Floats
    """(N,): share of the pictures answered, the surest first."""
    risk: Floats
    """(N,): share of wrong answers among them."""
    area: float
    """Area under the curve, the mean risk over all coverages; 0 is best."""
    chance: float
    """The area if sureness told nothing: the overall share of wrong answers."""


def risk_coverage(confidence: Floats, right: NDArray[np.bool_]) -> RiskCoverage:
    """Sort answers by confidence (N,) and follow the share of wrong ones; equal confidences are answered together."""
    order = np.argsort(-confidence, kind="stable")
    wrong, sorted_confidence = (~right[order]).astype(float), confidence[order]
    count = np.arange(1, len(order) + 1)
    risk = np.cumsum(wrong) / count
    # pictures that are equally sure have no order: each takes the risk at the end of its group
    ends = np.searchsorted(-sorted_confidence, -sorted_confidence, side="right") - 1
    risk = risk[ends]
    return RiskCoverage(count / len(order), risk, float(risk.mean()), float(wrong.mean()))
