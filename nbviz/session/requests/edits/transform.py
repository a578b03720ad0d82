"""Request of a transformation along its whole range: whether the answer stays, and the map moves with the picture."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np

from nbviz.attribution import Attribution
from nbviz.edits import TRANSFORMS, Transform
from nbviz.model.edit import Edit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.picture import Picture
from nbviz.session.requests.base import (
    Context,
    ExplainAnswer,
    ExplainRequest,
    Request,
    ScoresAnswer,
    ScoresRequest,
    stepped,
)
from nbviz.session.requests.edits.edited_request import with_edits
from nbviz.session.requests.edits.likeness import Likeness, likeness, mean_likeness

POINTS = 21
CLASSES = 3
NO = -1
"""Answer of a network with one score, against its class."""
MAPS = 6
"""Amounts at which the map is made as well."""


@dataclass(frozen=True)
class TransformCurve:
    """Shares of a few classes along a transformation's range, and likeness of maps, so far."""

    amounts: tuple[float, ...] = ()
    classes: tuple[int, ...] = ()
    """The likeliest of the picture without this transformation."""
    answer: int = 0
    """The likeliest of them, as in ``best``."""
    shares: tuple[tuple[float, ...], ...] = ()
    """One tuple per amount: the share of each of ``classes``."""
    best: tuple[int, ...] = ()
    """The likeliest class at each amount; :data:`NO` where the only score speaks against its class."""
    maps: tuple[tuple[float, Likeness], ...] = ()
    """(amount, likeness of the map moved as the picture is with the map of the moved picture)."""
    done: float = 0.0

    @property
    def flips(self) -> tuple[float, ...]:
        """Amounts at which the answer is another one."""
        return tuple(amount for amount, best in zip(self.amounts, self.best, strict=True) if best != self.answer)

    @property
    def stays(self) -> float:
        """Invariance: share of the amounts at which the answer stays, 0…1."""
        return float(np.mean([best == self.answer for best in self.best])) if self.best else 1.0

    @property
    def likeness(self) -> Likeness | None:
        """Equivariance: mean likeness of the maps over the range; None before the first."""
        return mean_likeness([one for _, one in self.maps])


@dataclass(frozen=True)
class MeasureCurve(Request):
    """Request of a transformation's curve for the picture after earlier edits."""

    edits: tuple[Edit, ...]
    """Those before it."""
    kind: str
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[TransformCurve]:
        scores_of, side = ScoresRequest(self.explanation.picture), side_of(context.model, self.explanation.picture)
        amounts = amounts_of(self.kind, side)
        before = context.answer(with_edits(scores_of, self.edits))
        classes = tuple(int(index) for index in before.order[:CLASSES])
        curve = TransformCurve(classes=classes, answer=_likeliest(before))
        for count, amount in enumerate(amounts, 1):
            scores = context.answer(with_edits(scores_of, (*self.edits, Transform(self.kind, amount))))
            curve = replace(
                curve, amounts=amounts[:count], best=(*curve.best, _likeliest(scores)),
                shares=(*curve.shares, tuple(float(scores.probabilities[index]) for index in classes)),
                done=0.4 * count / len(amounts),
            )  # fmt: skip
            yield curve
        curve = yield from self._maps(context, curve, side)
        yield replace(curve, done=1.0)

    def _maps(
        self, context: Context, curve: TransformCurve, side: int
    ) -> Generator[TransformCurve, None, TransformCurve]:
        """Make the map at a few amounts, and compare each with the map that the first foretells."""
        known, plain = TRANSFORMS[self.kind], list[Attribution]()
        amounts = map_amounts(self.kind, side)
        for amount in (known.neutral, *amounts):
            edits = self.edits if amount == known.neutral else (*self.edits, Transform(self.kind, amount))
            for shown in stepped(context, with_edits(self.explanation, edits)):
                yield curve
            assert isinstance(shown, ExplainAnswer)
            plain = plain or [shown.attribution]
            if amount == known.neutral:
                continue
            heat = plain[0].heat().double()
            foretold = known.act(heat[None, None], amount)[0, 0] if known.moves else heat
            like = likeness(foretold, shown.attribution.heat())
            maps = curve.maps if like is None else (*curve.maps, (amount, like))
            curve = replace(curve, maps=maps, done=min(0.99, curve.done + 0.6 / len(amounts)))
            yield curve
        return curve


@dataclass(frozen=True)
class Transformed:
    """Picture at the present amount, and the curve so far."""

    seen: np.ndarray
    """uint8 (H, W, 3)."""
    curve: TransformCurve | None = None
    done: float = 0.0


@dataclass(frozen=True)
class MeasureTransform(Request):
    """Request of a transformed picture, and of the curve it stands on, which is the same for every amount."""

    edits: tuple[Edit, ...]
    """Those before it."""
    transform: Transform
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[Transformed]:
        seen = context.model.edited(*self.edits, self.transform).seen(self.explanation.picture)
        yield Transformed(seen)
        for curve in stepped(context, MeasureCurve(self.edits, self.transform.kind, self.explanation)):
            yield Transformed(seen, curve, min(0.99, curve.done))
        yield Transformed(seen, curve, 1.0)


def _likeliest(scores: ScoresAnswer) -> int:
    # the likeliest of one class is always that class: its answers are for and against it
    return NO if len(scores.probabilities) == 1 and scores.probabilities[0] < 0.5 else int(scores.order[0])


def side_of(model: InstrumentedModel, picture: Picture) -> int:
    """Return the pixels of the shorter side of a picture as the network takes it."""
    return int(min(model.input(picture).shape[2:]))


def amounts_of(kind: str, side: int) -> tuple[float, ...]:
    """Return the amounts at which a transformation is tried, the one that changes nothing among them.

    side: pixels of the input's shorter side.
    """
    known = TRANSFORMS[kind]
    (low, high), step = known.span(side), known.step
    span = high - low
    spaced = np.linspace(0, span, POINTS if step is None else min(POINTS, round(span / step) + 1))
    if step is not None:  # those that there are
        spaced = step * np.round(spaced / step)
    # rounded, or the neutral amount would stand a second time beside itself
    spread = {round(low + float(amount), 6) for amount in spaced}
    return tuple(sorted({*spread, known.neutral}))


def map_amounts(kind: str, side: int) -> tuple[float, ...]:
    """Return the amounts at which the map is made: some of those tried, spread evenly, but the neutral one."""
    known, tried = TRANSFORMS[kind], amounts_of(kind, side)
    # one more than asked: the neutral one may be among them
    spread = (tried[round(place)] for place in np.linspace(0, len(tried) - 1, MAPS + 1))
    return tuple(dict.fromkeys(amount for amount in spread if amount != known.neutral))
