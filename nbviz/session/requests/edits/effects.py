"""Requests of the measured effect of every channel of a layer on the explained class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbviz.circuits import Effects, measuring
from nbviz.errors import Refused
from nbviz.model.target import Target
from nbviz.session.requests.base import Context, PictureRequest, ScoresRequest


@dataclass(frozen=True)
class EffectsAnswer:
    """Effects so far, and the class whose score they change."""

    effects: Effects
    index: int

    @property
    def done(self) -> float:
        """Share of the work, 0…1; 1 is final."""
        return self.effects.done


@dataclass(frozen=True)
class MeasureEffects(PictureRequest):
    """Request of one forward per channel, resumed at the layer."""

    layer: str
    target: Target

    def __call__(self, context: Context) -> Iterator[EffectsAnswer]:
        prediction = context.answer(ScoresRequest(self.picture)).prediction
        index = prediction.class_of(self.target)
        if index is None:
            raise Refused("What channels do is measured for a class: choose one, or what the network predicts.")
        for effects in measuring(context.model, self.picture, self.layer, (index,)):
            yield EffectsAnswer(effects, index)
