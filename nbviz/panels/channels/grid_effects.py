"""Measured effects that the channel grid sorts by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.effects import EffectsAnswer, MeasureEffects

REDRAWS = 5
"""Times that the grid is sorted anew while effects come in: tiles that jump at every batch can't be clicked."""


@dataclass(frozen=True)
class MeasuredEffects:
    """Effects so far, and what they are effects of."""

    request: MeasureEffects
    answer: EffectsAnswer

    @classmethod
    def of(cls, request: Request | None, answer: EffectsAnswer | None) -> MeasuredEffects | None:
        """Return the effects; None where nothing is measured."""
        return cls(request, answer) if isinstance(request, MeasureEffects) and answer is not None else None

    @property
    def column(self) -> np.ndarray:
        """(C,) change of the explained score without each channel; NaN where it is not measured yet."""
        return self.answer.effects.measured[:, self.answer.index]

    def begins(self, before: MeasuredEffects | None) -> bool:
        """Return whether these are the first effects of their request."""
        return before is None or before.request != self.request

    def worth_drawing(self, before: MeasuredEffects | None) -> bool:
        """Return whether enough has been added since ``before`` to sort anew."""
        if before is None or self.begins(before) or self.answer.done == 1:
            return True
        return int(REDRAWS * self.answer.done) > int(REDRAWS * before.answer.done)
