"""Requests of an attack: the picture, the change, the prediction and the map before and after, and a control."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nbviz.attribution import Attribution
from nbviz.edits import Attack, Attacked, attack
from nbviz.model.edit import Edit
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, Request, stepped
from nbviz.session.requests.edits.edited_request import with_edits

SIZES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Grey levels that are tried, in this order, for the smallest that flips."""


@dataclass(frozen=True)
class AttackAnswer:
    """Attacked picture so far."""

    attacked: Attacked
    before: Attribution | None = None
    after: Attribution | None = None
    done: float = 0.0

    @property
    def added(self) -> np.ndarray:
        """Difference that the attack added, in grey levels (H, W, 3)."""
        one, other = np.asarray(self.attacked.picture, np.int16), np.asarray(self.attacked.original, np.int16)
        return one - other

    @property
    def likeness(self) -> float | None:
        """Pearson correlation of the maps before and after, for the same class; None where one is flat."""
        if self.before is None or self.after is None:
            return None
        one, other = (attribution.heat().double().numpy().ravel() for attribution in (self.before, self.after))
        return float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 and other.std() > 0 else None


@dataclass(frozen=True)
class MeasureAttack(Request):
    """Request of an attack on the picture after earlier edits; ``explanation`` is the map, of a class by index."""

    edits: tuple[Edit, ...]
    """Those before the attack."""
    made: Attack
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[AttackAnswer]:
        one, model = self.made, context.model.edited(*self.edits)
        done = attack(
            model, self.explanation.picture, one.method, one.size, one.into,  # type: ignore[arg-type]
            norm=one.norm, steps=one.steps, random_start=one.random_start, seed=one.seed,
        )  # fmt: skip
        answer = AttackAnswer(done, done=0.2)
        yield answer
        for shown in stepped(context, with_edits(self.explanation, self.edits)):
            assert isinstance(shown, ExplainAnswer)
            answer = replace(answer, before=shown.attribution, done=0.2 + 0.3 * shown.attribution.done)
            yield answer
        for shown in stepped(context, with_edits(self.explanation, (*self.edits, one))):
            answer = replace(answer, after=shown.attribution, done=min(0.99, 0.5 + 0.5 * shown.attribution.done))
            yield answer
        yield replace(answer, done=1.0)


@dataclass(frozen=True)
class Smallest:
    """Progress of the search for the smallest attack."""

    size: float | None
    """The smallest size tried so far that changes the answer, grey levels; None where none does yet."""
    tried: Sequence[float]
    done: float


@dataclass(frozen=True)
class FindSmallest(Request):
    """Request of the smallest attack that changes the prediction: a scan upwards, then a bisection."""

    edits: tuple[Edit, ...]
    made: Attack
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[Smallest]:
        model, tried = context.model.edited(*self.edits), list[float]()

        def flips(size: float) -> bool:
            tried.append(size)
            one = replace(self.made, size=size)
            picture = self.explanation.picture
            return model.edited(one).predict(picture, 1)[0][1] != model.predict(picture, 1)[0][1]

        for place, size in enumerate(SIZES):
            if flips(size):
                below = SIZES[place - 1] if place else 0.0
                middle = round((below + size) / 2, 3)
                if size - below > 0.25 and flips(middle):
                    size = middle
                yield Smallest(size, tuple(tried), 1.0)
                return
            yield Smallest(None, tuple(tried), 0.99 * (place + 1) / len(SIZES))
        yield Smallest(None, tuple(tried), 1.0)
