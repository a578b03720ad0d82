"""Requests of a transformation: its effect along its whole range, and whether the map moves with the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from nbviz.edits import TRANSFORMS, Transform
from nbviz.model.edit import Edit
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, Request, ScoresRequest, stepped
from nbviz.session.requests.edits.edited_request import with_edits

POINTS = 21
CLASSES = 3


@dataclass(frozen=True)
class TransformCurve:
    """Shares of a few classes along a transformation's range, so far."""

    seen: np.ndarray
    """uint8 (H, W, 3): the picture at the present amount."""
    amounts: tuple[float, ...] = ()
    classes: tuple[int, ...] = ()
    """The likeliest of the picture without this transformation."""
    shares: tuple[tuple[float, ...], ...] = ()
    """One tuple per amount: the share of each of ``classes``."""
    best: tuple[int, ...] = ()
    """The likeliest class at each amount."""
    likeness: float | None = None
    """Cosine of the transformed map with the map of the transformed picture; None where the pixels don't move."""
    done: float = 0.0

    @property
    def flips(self) -> tuple[float, ...]:
        """Amounts from which on, seen from the one that changes nothing, the answer is another one; at most two."""
        if not self.best or not self.classes:
            return ()
        return tuple(amount for amount, best in zip(self.amounts, self.best, strict=True) if best != self.classes[0])

    @property
    def stays(self) -> float:
        """Share of the amounts at which the answer stays, 0…1."""
        return float(np.mean([best == self.classes[0] for best in self.best])) if self.best else 1.0


@dataclass(frozen=True)
class MeasureTransform(Request):
    """Request of a transformation's curve for the picture after earlier edits."""

    edits: tuple[Edit, ...]
    """Those before it."""
    made: Transform
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[TransformCurve]:
        picture, known = self.explanation.picture, TRANSFORMS[self.made.kind]
        model = context.model.edited(*self.edits)
        curve = TransformCurve(model.edited(self.made).seen(picture), done=0.05)
        yield curve
        asked = with_edits(ScoresRequest(picture), self.edits)
        classes = tuple(int(index) for index in context.answer(asked).order[:CLASSES])
        shares, best, amounts = list[tuple[float, ...]](), list[int](), amounts_of(self.made.kind)
        for count, amount in enumerate(amounts, 1):
            prediction = model.edited(Transform(self.made.kind, amount)).said(picture)
            shares.append(tuple(float(prediction.shares[index]) for index in classes))
            best.append(int(prediction.order[0]))
            curve = replace(
                curve, amounts=amounts[:count], classes=classes, shares=tuple(shares), best=tuple(best),
                done=0.05 + 0.6 * count / len(amounts),
            )  # fmt: skip
            yield curve
        if known.moves and self.made.amount != known.neutral:
            for likeness in self._likeness(context):
                curve = replace(curve, likeness=likeness, done=0.9)
                yield curve
        yield replace(curve, done=1.0)

    def _likeness(self, context: Context) -> Iterator[float | None]:
        """Step both maps, then compare the one that was moved with the one that was asked for."""
        maps = []
        for edits in (self.edits, (*self.edits, self.made)):
            shown = None
            for shown in stepped(context, with_edits(self.explanation, edits)):
                yield None
            assert isinstance(shown, ExplainAnswer)
            maps.append(shown.attribution.heat().double())
        moved = TRANSFORMS[self.made.kind].act(maps[0][None, None], self.made.amount)[0, 0].double()
        norms = float(torch.linalg.norm(moved) * torch.linalg.norm(maps[1]))
        yield float((moved * maps[1]).sum()) / norms if norms else None


def amounts_of(kind: str) -> tuple[float, ...]:
    """Return the amounts at which a transformation is tried, the one that changes nothing among them."""
    known = TRANSFORMS[kind]
    spread = {round(float(amount), 6) for amount in np.linspace(known.low, known.high, POINTS)}
    return tuple(sorted({*spread, known.neutral}))
