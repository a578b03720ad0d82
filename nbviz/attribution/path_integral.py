"""Path integrals ∫ ∂ score/∂x · dx along paths of pictures, refined where the map itself is least certain.

A path is a curve t ↦ x(t), t in 0…1, cut into panels, each with the gradients at its ends and in its middle. With
d the two changes of a pixel's gradient over a panel and s the two steps of the pixel, d₂·s₁ − d₁·s₂ is how much the
panel bends: 0 where the gradient follows the pixel evenly. A panel is summed by Simpson's rule where a pixel's
gradient changes evenly, by trapezoids where it jumps, as a ReLU's does, or by anything between: the more of the change
bends, the less of Simpson's correction is taken. A pixel is as unsure as its gradient bends where it is even, as the
difference d₂·s₂ − d₁·s₁ of its trapezoids where it jumps; the panel that is least sure over all pixels is halved
next, whichever path it lies on.

The map's error is estimated from the same numbers, not from the score: the sum of absolute attributions is hundreds of
times the score's difference, so that a small residual says little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import torch

from nbviz.attribution.base import Attribution, result
from nbviz.attribution.options import About
from nbviz.passes.precision import at_least_single
from nbviz.passes.reach import flat
from nbviz.passes.subject import Subject

BATCH = 2
"""Evaluations at once: 2 to 8 cost 0.95 × a single one each, and each holds 100 MiB on the embedded network."""
BATCH_ACCELERATED = 16
PANELS = 2
"""Panels that a path starts with."""
START = 2 * PANELS + 1

ROUNDING = 64
"""Steps of the number format by which the score of one picture differs between batches, at most."""
UNTRIED = 0.25
"""Share of the tolerance that the first estimate must meet."""

Tolerance = Annotated[
    float, About("Stop when the map is within this share of the exact one.", 1e-9, 0.5, label="stop within")
]
"""Option of a method that integrates; below 1e-9 is no question for single precision."""
Maximum = Annotated[int, About("How often the network is asked, at most.", START, 2000, label="runs at most")]
Path = Callable[[float], torch.Tensor]
"""t in 0…1 → picture (C, H, W); at 1 it is the one that is explained."""
Panel = tuple[int, float, float]
"""Path, and t at its ends."""


@dataclass(frozen=True)
class Integral:
    """Mean integral over the paths so far."""

    values: torch.Tensor
    """(C, H, W), in double precision where the device has it."""
    evaluations: int
    map_error: float
    """Estimated relative L1 error of ``values``; infinite where they cancel to nothing."""
    start: float
    """Mean score at the paths' beginnings."""
    end: float
    """The score at their common end."""
    done: float
    """0…1; 1 is final."""
    progress: str = ""
    """How far it is; empty at the end."""
    stopped: str = ""
    """Why it ended: "tolerance reached", "maximum reached" or "non-finite"; empty before."""

    @property
    def facts(self) -> dict[str, Any]:
        """Facts of the integral, for an attribution."""
        facts = {"baseline_score": self.start, "residual": self.residual, "map_error": self.map_error}
        return {**facts, "stopped": self.stopped} if self.stopped else facts

    @property
    def residual(self) -> float | None:
        """Relative difference between the sum of ``values`` and the difference of the scores; None where it is 0."""
        return residual(self.values, self.end - self.start)


def residual(values: torch.Tensor, difference: float) -> float | None:
    """Return the relative difference between the sum of ``values`` and a difference of scores.

    None where there is no difference. A map without values has none either: paths of no length end in another batch
    than they begin in, and batches of other sizes round otherwise.
    """
    if not difference or not values.any():
        return None
    return abs(float(values.sum()) - difference) / abs(difference)


def straight(start: torch.Tensor, end: torch.Tensor) -> Path:
    """Return the straight path between two pictures (C, H, W)."""
    return partial(_between, start, end)


def _between(start: torch.Tensor, end: torch.Tensor, t: float) -> torch.Tensor:
    return start + t * (end - start)


def integrated(
    subject: Subject, paths: Sequence[Path], tolerance: float, maximum: int, **facts: object
) -> Iterator[Attribution]:
    """Yield the integral over paths as attributions that get better; heat is the absolute channel sum."""
    dtype = at_least_single(subject.x).dtype
    for integral in integrate(subject, paths, tolerance, maximum):
        values = integral.values.to(dtype)
        heat = integral.values.sum(0).abs().to(dtype)
        own: dict[str, Any] = {**facts, **integral.facts}
        yield result(subject, values[None], heat, done=integral.done, progress=integral.progress, **own)


def integrate(subject: Subject, paths: Sequence[Path], tolerance: float, maximum: int) -> Iterator[Integral]:
    """Yield integrals that get better, until ``map_error`` is within ``tolerance``, or ``maximum`` evaluations spent.

    Every path is looked at in five places, whatever the maximum. A gradient that is not finite ends it at once: more
    evaluations don't make it so. Raises Refused where the gradient is zero all along, though the score changes.
    """
    batch = BATCH if subject.x.device.type == "cpu" else BATCH_ACCELERATED
    panels, done = _Panels(subject, paths, batch), 0.0
    while True:
        error, room = panels.error(), maximum - panels.evaluations
        # what no panel was halved for is an estimate from a few places: it must be well below what is asked
        stopped = _stopped(error, tolerance if panels.halved else tolerance * UNTRIED, room)
        if stopped and panels.flat:
            raise flat(subject.target_words, *panels.scores)
        # an estimate that grows again takes nothing back from the bar
        done = 1.0 if stopped else max(done, min(0.95, tolerance / error))
        progress = "" if stopped else f"{panels.evaluations} evaluations, of at most {maximum}"
        yield Integral(panels.values, panels.evaluations, error, *panels.scores, done, progress, stopped)
        if stopped:
            return
        # halving a panel takes two evaluations
        if room > 1:
            panels.halve(min(batch, room) // 2)
        else:
            panels.split()


def _stopped(error: float, tolerance: float, room: int) -> str:
    if math.isnan(error):
        return "non-finite"
    if error <= tolerance:
        return "tolerance reached"
    return "maximum reached" if room < 1 else ""


class _Panels:
    """Panels of all paths, and the sums over them."""

    def __init__(self, subject: Subject, paths: Sequence[Path], batch: int) -> None:
        self._subject, self._paths, self._batch = subject, paths, batch
        # panels are added and taken out again: in single what is left of large ones would stay in the sum
        wide = torch.float32 if subject.x.device.type == "mps" else torch.float64
        self._gradients: dict[tuple[int, float], torch.Tensor] = {}
        self._scores: dict[tuple[int, float], float] = {}
        self._unsure: dict[Panel, float] = {}
        self.halved = False
        self._sum = torch.zeros(subject.x.shape[1:], dtype=wide, device=subject.x.device)
        self._variance = torch.zeros_like(self._sum)
        self._begin([i / (START - 1) for i in range(START)])

    def _begin(self, places: list[float]) -> None:
        # the end is common to all paths
        score, gradient = self._subject.gradient(self._subject.x)
        count = range(len(self._paths))
        self._gradients |= {(path, 1.0): gradient[0] for path in count}
        self._scores |= {(path, 1.0): float(score[0]) for path in count}
        self._evaluate([(path, t) for path in count for t in places[:-1]])
        for path in count:
            for low, high in zip(places[:-2:2], places[2::2], strict=True):
                self._enter((path, low, high))

    def _evaluate(self, places: list[tuple[int, float]]) -> None:
        for begin in range(0, len(places), self._batch):
            some = places[begin : begin + self._batch]
            scores, gradients = self._subject.gradient(torch.stack([self._at(*place) for place in some]))
            self._gradients |= dict(zip(some, gradients, strict=True))
            self._scores |= dict(zip(some, scores.tolist(), strict=True))

    def _at(self, path: int, t: float) -> torch.Tensor:
        return self._subject.x[0] if t == 1.0 else self._paths[path](t)

    def _enter(self, panel: Panel, sign: int = 1) -> None:
        """Add a panel to the sums, or take it out."""
        path, low, high = panel
        places = [(path, t) for t in (low, (low + high) / 2, high)]
        # products of one panel in the gradients' own precision, sums over panels in double: what is added is taken out
        # again to the bit, and a float32 gradient has no more digits than its product
        first, middle, last = (at_least_single(self._gradients[place]) for place in places)
        begin, half, end = (self._at(*place).to(middle) for place in places)
        one, other = half - begin, end - half
        early, late = middle - first, last - middle
        bend, change = late * one - early * other, (late * one).abs_() + (early * other).abs_()
        # the smallest number instead of 0: where nothing changes it is even, and no division by zero
        even = 1 - bend.abs() / change.clamp_(min=torch.finfo(change.dtype).tiny)
        # a jump is unsure by the step that it lies in; on a straight path both are the same
        unsure = torch.lerp((late * other - early * one).abs_(), bend.abs(), even)
        if len(self._paths) > 1:  # few places a path: a change that looks even there may hide a peak
            unsure = torch.hypot(late * other, early * one)
        trapezoids = ((first + middle) * one + (middle + last) * other) / 2
        self._sum.add_(trapezoids - even * bend / 6, alpha=sign)
        unsure = unsure.to(self._sum)  # squares of a saturated probability's gradients vanish in single precision
        self._variance.addcmul_(unsure, unsure, value=sign / 12)
        if sign > 0:
            self._unsure[panel] = float(unsure.sum())
        else:
            del self._unsure[panel]

    def halve(self, count: int) -> None:
        """Put two panels for each of the ``count`` that are least sure; two evaluations each."""
        worst, self.halved = self._worst(count), True
        self._evaluate([(path, low + (high - low) * part) for path, low, high in worst for part in (0.25, 0.75)])
        for path, low, high in worst:
            self._enter((path, low, high), -1)
            self._enter((path, low, (low + high) / 2))
            self._enter((path, (low + high) / 2, high))

    def split(self) -> None:
        """Spend the last evaluation in the panel that is least sure: half of it becomes a trapezoid."""
        ((path, low, high),) = self._worst(1)
        middle = (low + high) / 2
        self._evaluate([(path, (low + middle) / 2)])
        self._enter((path, low, high), -1)
        self._enter((path, low, middle))
        (first, begin), (last, end) = ((self._gradients[path, t], self._at(path, t)) for t in (middle, high))
        step = end.to(self._sum) - begin.to(self._sum)
        unsure = (last.to(self._sum) - first.to(self._sum)) * step
        self._sum.add_((first.to(self._sum) + last.to(self._sum)) * step / 2)
        self._variance.addcmul_(unsure, unsure, value=1 / 12)

    def _worst(self, count: int) -> list[Panel]:
        return sorted(self._unsure, key=self._unsure.__getitem__, reverse=True)[:count]

    @property
    def values(self) -> torch.Tensor:
        """Mean over the paths, (C, H, W)."""
        return self._sum / len(self._paths)

    @property
    def evaluations(self) -> int:
        """Number of pictures sent through the network."""
        return len(self._scores) - len(self._paths) + 1

    @property
    def scores(self) -> tuple[float, float]:
        """Mean score at the paths' beginnings, and the score at their end."""
        starts = [self._scores[path, 0.0] for path in range(len(self._paths))]
        return sum(starts) / len(starts), self._scores[0, 1.0]

    def error(self) -> float:
        """Estimated relative L1 error of the map; 0 where nothing is to be summed, infinite where that can't be all."""
        # single precision may leave a little less than nothing where much was added and taken out
        error, whole = float(self._variance.clamp(min=0).sqrt().sum()), float(self._sum.abs().sum())
        if whole:
            return error / whole
        return math.inf if error or self.flat else 0.0

    @property
    def flat(self) -> bool:
        """True if no gradient is other than zero, though the score changes along the paths.

        It has to by more than rounding, which moves it in other batches.
        """
        if any(gradient.any() for gradient in self._gradients.values()):
            return False
        start, end = self.scores
        step = float(torch.finfo(self._subject.x.dtype).eps)
        return abs(end - start) > ROUNDING * step * max(abs(start), abs(end))
