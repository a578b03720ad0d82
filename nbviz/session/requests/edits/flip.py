"""Request of how much must be hidden until the answer changes: where the map says, at random, and along plain edges.

The smallest share is found by trying all of them, for the answer may change back. A random order is that of a random
map with the map's own smoothness: scattered pixels would leave the picture readable, which makes any map look good.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbviz.edits import Mask, Paint
from nbviz.edits.attack import ONE_SCORE
from nbviz.errors import Refused
from nbviz.evaluation.controls import edges, random_like
from nbviz.model.batches import parts
from nbviz.model.edit import Edit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.outputs import ClassScores
from nbviz.pictures.picture import Picture
from nbviz.replica.guest import Pass
from nbviz.session.requests.base import Context, ExplainAnswer, ExplainRequest, Request, stepped
from nbviz.session.requests.edits.edited_request import with_edits

SHARES = tuple(percent / 100 for percent in range(1, 51))
"""Of the picture, hidden one after another."""
COARSE = SHARES[1::2]
"""Those at which random orders are tried."""
RANDOMS = 20
BATCH = 4


@dataclass(frozen=True)
class HidingCurve:
    """Answers as more and more of the picture is hidden in one order."""

    shares: tuple[float, ...] = ()
    """Of the picture that is hidden, 0…1."""
    chances: tuple[float, ...] = ()
    """Share of the class that is predicted with nothing hidden, at each."""
    flips: tuple[bool, ...] = ()
    """Whether another class is predicted, at each."""

    @property
    def flip(self) -> float | None:
        """The smallest share that changes the answer; None where none does."""
        return next((share for share, flips in zip(self.shares, self.flips, strict=True) if flips), None)


@dataclass(frozen=True)
class FlipAnswer:
    """Hiding curves so far."""

    index: int
    """The class that is predicted with nothing hidden."""
    chance: float
    """Its share then."""
    map: HidingCurve = HidingCurve()
    edges: HidingCurve = HidingCurve()
    random: tuple[HidingCurve, ...] = ()
    done: float = 0.0

    @property
    def typical(self) -> float | None:
        """The middle of what random orders take; None where half of them never change the answer."""
        return middle([curve.flip for curve in self.random])

    @property
    def band(self) -> tuple[tuple[float, float, float], ...]:
        """(share hidden, lowest, highest chance) over the random orders."""
        whole = [curve.chances for curve in self.random if len(curve.chances) == len(COARSE)]
        return tuple((share, min(at), max(at)) for share, *at in zip(COARSE, *whole, strict=True)) if whole else ()


@dataclass(frozen=True)
class ScanFlip(Request):
    """Request of the hiding curves of a map."""

    edits: tuple[Edit, ...]
    """Edits that are on beneath the paint."""
    fill: str | Picture
    explanation: ExplainRequest

    def __call__(self, context: Context) -> Iterator[FlipAnswer]:
        model, picture = context.model.edited(*self.edits), self.explanation.picture
        x = model.input(picture)
        if model.trace(x).kind != "classes":
            raise Refused("'Until it flips' is for networks that say one class per picture.")
        if model.scores == 1:
            raise Refused(ONE_SCORE)
        for shown in stepped(context, with_edits(self.explanation, self.edits)):
            pass
        assert isinstance(shown, ExplainAnswer)
        size = (x.shape[2], x.shape[3])
        # by size, whatever the sign: evidence against the class moves the answer as well
        heat = shown.attribution.heat(size).double().cpu().abs()
        # no pixel is painted: only what it would be painted with is wanted
        nothing = Paint(Mask.of(np.zeros(size)), self.fill)
        scan = _Scan(model, x, nothing.substrate(x, context.model))
        answer = FlipAnswer(scan.index, scan.chance)
        for curve in scan.curve(heat, SHARES):
            answer = replace(answer, map=curve, done=0.1)
            yield answer
        for curve in scan.curve(edges(x), SHARES):
            answer = replace(answer, edges=curve, done=0.2)
            yield answer
        # at half of the shares: twenty orders of fifty forwards would be a thousand
        for seed in range(RANDOMS):
            for curve in scan.curve(random_like(heat, seed), COARSE):
                yield answer
            answer = replace(answer, random=(*answer.random, curve), done=0.2 + 0.79 * (seed + 1) / RANDOMS)
            yield answer
        yield replace(answer, done=1.0)


class _Scan:
    """Scan of one picture, and what is said of it with nothing hidden."""

    def __init__(self, model: InstrumentedModel, x: Tensor, substrate: Tensor) -> None:
        self._model, self._x, self._substrate = model, x, substrate
        row = self._chances(x)[0]
        self.index, self.chance = int(row.argmax()), float(row.max())

    def curve(self, order: Tensor, shares: Sequence[float]) -> Generator[HidingCurve, None, None]:
        """Hide more and more of what ``order`` (H, W) ranks highest; yield the curve so far."""
        curve, x = HidingCurve(), self._x
        ranks = torch.empty(order.numel(), dtype=torch.long, device="cpu")
        # each pixel's place in the order, so that a mask is one comparison
        ranks[order.flatten().argsort(descending=True, stable=True)] = torch.arange(order.numel(), device="cpu")
        ranks = ranks.view(order.shape)
        for start in range(0, len(shares), BATCH):
            some = shares[start : start + BATCH]
            counts = [max(1, round(share * order.numel())) for share in some]
            hidden = torch.stack([ranks < count for count in counts])[:, None].to(x.device)
            rows = self._chances(torch.where(hidden, self._substrate, x))
            curve = HidingCurve(
                (*curve.shares, *some),
                (*curve.chances, *rows[:, self.index].tolist()),
                (*curve.flips, *(rows.argmax(1) != self.index).tolist()),
            )
            yield curve

    def _chances(self, batch: Tensor) -> Tensor:
        """Return the share of every class (N, classes), float64."""

        def work(run: Pass) -> Tensor:
            with torch.no_grad():
                outputs: list[Any] = [self._model.evaluate(run, part) for part in parts(self._model, run, batch)]
            return torch.cat([o.probabilities if isinstance(o, ClassScores) else o.logits for o in outputs]).double()

        return self._model.guest.steady(work).cpu()


def middle(flips: Sequence[float | None]) -> float | None:
    """Return the median of the shares, None standing for more than any of them."""
    # orders that never flip count as beyond the last share: left out, they would make the rest look typical
    ranked = sorted(float("inf") if flip is None else flip for flip in flips)
    if not ranked:
        return None
    value = (ranked[(len(ranked) - 1) // 2] + ranked[len(ranked) // 2]) / 2
    return None if value == float("inf") else value
