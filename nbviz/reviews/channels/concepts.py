"""Clarity, polysemanticity and redundancy of channels, from the features of the pictures that drive each most.

The measures are those of SemanticLens (Dreyer et al. 2025, arXiv:2501.05398), of the network's own features: the input
of its last layer, for whole pictures. Those are centred first. After a ReLU all features point one way and any two
pictures look alike; centred, pictures that are drawn at random have a cosine of about 0. What is left of chance stands
beside each figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEASURES = ("clarity", "polysemanticity", "redundancy")
MOST = 12
"""Pictures of a channel, at most: they are split in two in every way, 2ⁿ⁻¹ − 1 of them."""


@dataclass(frozen=True, eq=False)
class Concepts:
    """Figures of sets of pictures, one set per channel; NaN, and −1, for channels that no picture drives."""

    clarity: NDArray[np.float64]
    """(C,): mean cosine of any two pictures of the set, −1…1; 1: all alike to the network."""
    polysemanticity: NDArray[np.float64]
    """(C,): 1 less the cosine of the means of the two groups that the set falls into by least squares, 0…2."""
    redundancy: NDArray[np.float64]
    """(C,): largest cosine of the set's mean with another's, −1…1; 1: another channel is driven by the same."""
    nearest: NDArray[np.int64]
    """(C,): the channel that is."""


def concepts(features: NDArray[np.floating], sets: NDArray[np.int64]) -> Concepts:
    """Return the figures of sets of pictures.

    features: (N, F). sets: (C, n) rows of them, 3 ≤ n ≤ 12; negative for a channel that no picture drives.
    """
    centred = features - features.mean(0, dtype=float)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    live = np.flatnonzero((sets >= 0).all(1))
    grams, means = _grams(unit, sets[live])
    count = sets.shape[1]
    clear = (grams.sum((1, 2)) - np.trace(grams, axis1=1, axis2=2)) / (count * (count - 1))
    redundancy, partner = _redundancy(means)
    nearest = np.full(len(sets), -1)
    nearest[live] = np.where(partner < 0, -1, live[partner]) if len(live) else partner

    def whole(values: NDArray[np.float64]) -> NDArray[np.float64]:
        every = np.full(len(sets), np.nan)
        every[live] = values
        return every

    return Concepts(whole(clear), whole(_polysemanticity(grams)), whole(redundancy), nearest)


def chance(features: NDArray[np.floating], channels: int, count: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return measure → the range that 90 of 100 sets of as many pictures drawn at random fall into."""
    draw = np.random.default_rng(seed)
    sets = np.stack([draw.choice(len(features), count, replace=False) for _ in range(channels)])
    found = concepts(features, sets)
    ends = {name: np.nanquantile(getattr(found, name), (0.05, 0.95)) for name in MEASURES if _any(found, name)}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def _any(found: Concepts, name: str) -> bool:
    return bool(np.isfinite(getattr(found, name)).any())


def _grams(unit: NDArray[np.float64], sets: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return cosines (C, n, n) within each set, and its mean direction (C, F)."""
    grams, means = np.zeros((len(sets), sets.shape[1], sets.shape[1])), np.zeros((len(sets), unit.shape[1]))
    for at, rows in enumerate(sets):  # a set at a time: the features of all would be channels × n × F
        vectors = unit[rows]
        grams[at], means[at] = vectors @ vectors.T, vectors.mean(0)
    return grams, means


def _polysemanticity(grams: NDArray[np.float64]) -> NDArray[np.float64]:
    count = grams.shape[1]
    # every split in two, the last picture always in the second group: few pictures, so the best one is known for sure
    first = (np.arange(1, 2 ** (count - 1))[:, None] >> np.arange(count)) & 1
    sizes = first.sum(1)
    result = np.zeros(len(grams))
    for at, gram in enumerate(grams):
        # least squares of two groups by cosines alone: the sum of squares about a mean is n − |Σ|² / n, and |Σ|² = Σ
        # cosines
        within = ((first @ gram) * first).sum(1)
        across = ((first @ gram) * (1 - first)).sum(1)
        other = (((1 - first) @ gram) * (1 - first)).sum(1)
        best = int((within / sizes + other / (count - sizes)).argmax())
        length = np.sqrt(max(within[best] * other[best], 0.0))
        result[at] = 1 - across[best] / length if length > 1e-12 else 1.0
    return result


def _redundancy(means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if len(means) < 2:
        return np.full(len(means), np.nan), np.full(len(means), -1)
    unit = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    return cosines.max(1), cosines.argmax(1)
