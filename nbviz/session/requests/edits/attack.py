"""Requests of an attack: the picture, the change, the prediction and the map before and after, and a control."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nbviz.attribution import Attribution
from nbviz.edits import Attack, Attacked, attack
from nbviz.edits.rgb import Rgb
from nbviz.evaluation.maps import pearson
from nbviz.model.edit import Edit, without_picture_edits
from nbviz.model.target import Target
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, Request, stepped
from nbviz.session.requests.edits.edited_request import with_edits

SIZES = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Grey levels that are tried, in this order, for the smallest that flips."""
STEP = 0.25
"""Distance of the sizes that are tried between the last that doesn't flip and the first that does."""


@dataclass(frozen=True, eq=False)
class AttackAnswer:
    """Attacked picture so far."""

    attacked: Attacked
    maps: Mapping[str, Attribution] = field(default_factory=dict)
    """``"before"`` and ``"after"`` for the same class; ``"other"``, after, for the class that is predicted then, where
    that is another one; ``"noisy"`` with noise of the same size: what any change of this size does to the map.
    """
    done: float = 0.0

    @property
    def added(self) -> np.ndarray:
        """Difference that the attack added, in grey levels (H, W, 3)."""
        one, other = np.asarray(self.attacked.picture, np.int16), np.asarray(self.attacked.original, np.int16)
        return one - other

    @property
    def likeness(self) -> float | None:
        """Pearson correlation of the maps before and after, for the same class; None where one is flat."""
        return correlation(self.maps.get("before"), self.maps.get("after"))

    @property
    def noise_likeness(self) -> float | None:
        """Pearson correlation of the map before with that under noise of the same size; None where one is flat."""
        return correlation(self.maps.get("before"), self.maps.get("noisy"))


def correlation(one: Attribution | None, other: Attribution | None) -> float | None:
    """Return the Pearson correlation of two maps; None where one is flat, or still to come."""
    return None if one is None or other is None else pearson(one.heat(), other.heat())


@dataclass(frozen=True)
class MeasureAttack(Request):
    """Request of an attack on the picture after earlier edits; ``explanation`` is the map, of a class by index."""

    edits: tuple[Edit, ...]
    """Those before the attack."""
    attack: Attack
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[AttackAnswer]:
        one, model, explanation = self.attack, context.model.edited(*self.edits), self.explanation
        done = attack(
            model, explanation.picture, one.method, one.size, one.into,  # type: ignore[arg-type]
            norm=one.norm, steps=one.steps, random_start=one.random_start, seed=one.seed,
        )  # fmt: skip
        answer = AttackAnswer(done, done=0.2)
        yield answer
        # each map is a request of its own, so that a picture seen before is not explained again
        jobs: list[tuple[str, ExplainRequest, tuple[Edit, ...]]] = [("before", explanation, self.edits)]
        if one.size:
            jobs += [("after", explanation, (*self.edits, one)), ("noisy", explanation, (*self.edits, one.control))]
        if done.flipped:
            other = replace(explanation, target=Target(index=done.after[0][1]))
            # after the two that every attack has: their order is that of the page
            jobs.insert(2, ("other", other, (*self.edits, one)))
        for place, (name, request, edits) in enumerate(jobs):
            for shown in stepped(context, with_edits(request, edits)):
                assert isinstance(shown, ExplainAnswer)
                part = (place + shown.attribution.done) / len(jobs)
                maps = {**answer.maps, name: shown.attribution}
                answer = replace(answer, maps=maps, done=min(0.99, 0.2 + 0.8 * part))
                yield answer
        yield replace(answer, done=1.0)


@dataclass(frozen=True)
class Smallest:
    """Progress of the search for the smallest attack."""

    size: float | None
    """The smallest size that changes the answer as an 8-bit file holds the picture; None where none does yet."""
    tried: Sequence[float]
    done: float
    exact: float | None = None
    """The same before rounding to whole grey levels."""


@dataclass(frozen=True)
class FindSmallest(Request):
    """Request of the smallest attack that changes the prediction: a scan upwards, then a finer one."""

    edits: tuple[Edit, ...]
    attack: Attack
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[Smallest]:
        model, tried = context.model.edited(*self.edits), dict[float, tuple[bool, bool]]()
        x = model.input(self.explanation.picture)
        judge, unit = without_picture_edits(model), unit_of(self.attack.norm, Rgb.of(model, x).colours(x).numel())
        label = judge.predict(x, 1)[0][1]

        def flips(size: float) -> tuple[bool, bool]:
            """Return whether an attack of this size changes the answer: before rounding, and after."""
            if size not in tried:
                ran = replace(self.attack, size=size * unit).run(x, model)
                exact, rounded = (judge.predict(one, 1)[0][1] != label for one in (ran.unrounded, ran.input))
                tried[size] = exact, rounded
            return tried[size]

        answer = Smallest(None, (), 0.0)
        # a scan, no bisection: an answer that flips at 2 levels may flip back at 3
        for way in (1, 0):  # as a file holds it, then before rounding: mostly of sizes that were tried
            for place, size in enumerate(SIZES):
                flipped = flips(size)[way]
                if not flipped:
                    done = (0.45 * place / len(SIZES)) + 0.5 * (way == 0)
                    yield replace(answer, tried=tuple(s * unit for s in tried), done=done)
                    continue
                below = SIZES[place - 1] if place else 0.0
                # finer only between the last that failed and the first that flips
                between = np.arange(below + STEP, size, STEP)
                smallest = next((float(one) for one in between if flips(float(one))[way]), size)
                size = smallest * unit
                answer = replace(answer, size=size) if way else replace(answer, exact=size)
                break
        yield replace(answer, tried=tuple(size * unit for size in tried), done=1.0)


def unit_of(norm: str, values: int) -> float:
    """Return the size that counts as one: a grey level for each of ``values`` numbers, or that in all by ``"l2"``."""
    return round(math.sqrt(values), 2) if norm == "l2" else 1.0
