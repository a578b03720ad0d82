"""Stability of maps while a picture changes and the answer to it stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nbviz.model.instrumented import InstrumentedModel
from nbviz.reviews.cues.candidates import answer_maps
from nbviz.reviews.records.plan import ReviewPlan


class MapStability:
    """Maps of the first pictures that it is shown, compared with those of the same pictures changed.

    Maps are integrated gradients of the answer, pooled to 14 × 14 cells; likeness is Spearman's rank correlation.
    """

    def __init__(self, model: InstrumentedModel, count: int, plan: ReviewPlan) -> None:
        self.model, self.left, self.plan = model, count, plan
        self._answers = np.zeros(0, np.int64)
        self._cells = np.zeros((0, 0))

    def begin(self, inputs: Tensor, answers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Keep the maps of a batch (N, C, H, W), of as many pictures as are left.

        Returns (N,): how alike the map is to that of the next picture with the same answer, which is the value by
        chance; NaN where there is none.
        """
        count = min(self.left, len(inputs))
        self.left -= count
        self._answers = answers[:count]
        self._cells = self._maps(inputs[:count], self._answers)
        # two pictures of one answer are alike by their composition alone: maps of one picture have to be more so
        chance = np.full(len(inputs), np.nan)
        for index in np.unique(self._answers):
            rows = np.flatnonzero(self._answers == index)
            if len(rows) > 1:
                chance[rows] = likeness(self._cells[rows], self._cells[np.roll(rows, 1)])
        return chance

    def compare(self, inputs: Tensor, answers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Compare the same batch, changed: (N,) in −1…1; NaN where the answer is another, or no map is kept."""
        found = np.full(len(inputs), np.nan)
        held = np.flatnonzero(answers[: len(self._answers)] == self._answers)
        if len(held):
            found[held] = likeness(self._cells[held], self._maps(inputs[held], answers[held]))
        return found

    def _maps(self, inputs: Tensor, answers: NDArray[np.int64]) -> NDArray[np.float64]:
        return answer_maps(self.model, inputs, self.plan.score_of(answers))


def likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Spearman's rank correlation of maps' cells (N, cells), row by row; NaN where a map is the same everywhere.

    Shapes may broadcast: (N, 1, cells) and (M, cells) give (N, M).
    """
    from scipy.stats import rankdata

    first, second = (
        ranks - ranks.mean(-1, keepdims=True) for ranks in (rankdata(maps, axis=-1) for maps in (one, other))
    )
    spread = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    return np.where(spread > 0, (first * second).sum(-1) / np.where(spread > 0, spread, 1), np.nan)
