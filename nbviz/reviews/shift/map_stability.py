"""Stability of maps while a picture changes and the answer to it stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nbviz.model.instrumented import InstrumentedModel
from nbviz.reviews.cues.candidates import gradient_maps, pooled_shares


class MapStability:
    """Maps of the first pictures that it is shown, compared with those of the same pictures changed.

    Maps are integrated gradients of the answer, pooled to 14 × 14 cells; alike is Spearman's rank correlation.
    """

    def __init__(self, model: InstrumentedModel, count: int) -> None:
        self.model, self.left = model, count
        self._answers = np.zeros(0, np.int64)
        self._ranks = np.zeros((0, 0))

    def begin(self, inputs: Tensor, answers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Keep the maps of a batch (N, C, H, W), of as many pictures as are left.

        Returns (N,): how alike the map is to that of the next picture with the same answer, which is the value by
        chance; NaN where there is none.
        """
        count = min(self.left, len(inputs))
        self.left -= count
        self._answers = answers[:count]
        self._ranks = self._maps(inputs[:count], self._answers)
        chance = np.full(len(inputs), np.nan)
        for index in np.unique(self._answers):
            rows = np.flatnonzero(self._answers == index)
            if len(rows) > 1:
                chance[rows] = _alike(self._ranks[rows], self._ranks[np.roll(rows, 1)])
        return chance

    def alike(self, inputs: Tensor, answers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Compare the same batch, changed: (N,) in −1…1; NaN where the answer is another, or no map is kept."""
        found = np.full(len(inputs), np.nan)
        held = np.flatnonzero(answers[: len(self._answers)] == self._answers)
        if len(held):
            found[held] = _alike(self._ranks[held], self._maps(inputs[held], answers[held]))
        return found

    def _maps(self, inputs: Tensor, answers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Ranks of the maps' cells (N, cells); a batch per answer, for they are of one class each."""
        from scipy.stats import rankdata

        ranks: NDArray[np.float64] | None = None
        for index in np.unique(answers):
            rows = np.flatnonzero(answers == index)
            cells = rankdata(pooled_shares(gradient_maps(self.model, inputs[rows], int(index))), axis=1)
            if ranks is None:
                ranks = np.zeros((len(inputs), cells.shape[1]))
            ranks[rows] = cells
        return np.zeros((0, 0)) if ranks is None else ranks


def _alike(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation of ranks, row by row; NaN where a map is the same everywhere."""
    first, second = (ranks - ranks.mean(1, keepdims=True) for ranks in (one, other))
    spread = np.sqrt((first**2).sum(1) * (second**2).sum(1))
    return np.where(spread > 0, (first * second).sum(1) / np.where(spread > 0, spread, 1), np.nan)
