"""∫ ∂ score/∂x · dx along paths of pictures, refined where the map itself is least sure.

A path is a curve t ↦ x(t), t in 0…1. Between two of its points the integral is taken as the mean of the two
gradients times the step, pixel by pixel; the segment where ‖Δg ∘ Δx‖₁ is largest is halved next, whichever
path it lies on. The map's error is estimated from the same numbers, not from the score: the sum of absolute
attributions is hundreds of times the score's difference, so that a small residual says little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch

from nbviz.attribution.options import About
from nbviz.passes.subject import Subject

BATCH = 4
"""Evaluations at once: 2 to 8 cost about the same each, and fewer stay in a small cache."""
START = 5

Tolerance = Annotated[float, About("Stop when the map is within this share of the exact one.", 1e-9, 0.5)]
"""Option of a method that integrates; below 1e-9 is no question for single precision."""
Maximum = Annotated[int, About("Evaluations at most.", START, 2000)]
Path = Callable[[float], torch.Tensor]
"""t in 0…1 → picture (C, H, W); at 1 it is the one that is explained."""


@dataclass(frozen=True)
class Integral:
    """The mean integral over the paths so far."""

    values: torch.Tensor
    """(C, H, W)."""
    evaluations: int
    map_error: float
    """Estimated relative L1 error of ``values``."""
    starts: tuple[float, ...]
    """Scores at the paths' beginnings."""
    end: float
    """The score at their common end."""
    done: float
    """0…1; 1 is final."""
    progress: str
    """How far it is, in words; empty at the end."""

    @property
    def residual(self) -> float | None:
        """Relative difference between the sum of ``values`` and the mean difference of the scores."""
        difference = self.end - sum(self.starts) / len(self.starts)
        return abs(float(self.values.sum()) - difference) / abs(difference) if difference else None


def integrate(subject: Subject, paths: Sequence[Path], tolerance: float, maximum: int) -> Iterator[Integral]:
    """Integrals that get better, until ``map_error`` is below ``tolerance`` or ``maximum`` evaluations are spent.

    Every path is looked at in five places, whatever the maximum.
    """
    refined = _Refined(subject, paths)
    while True:
        now = refined.integral(tolerance, maximum)
        yield now
        if now.done == 1:
            return
        refined.halve(min(BATCH, maximum - now.evaluations))


class _Refined:
    """Points on the paths with their gradients, and the segments between them."""

    def __init__(self, subject: Subject, paths: Sequence[Path]) -> None:
        self._subject, self._paths = subject, paths
        self._wide = torch.float32 if subject.x.device.type == "mps" else torch.float64
        self._known: dict[tuple[int, float], torch.Tensor] = {}
        self._scores: dict[tuple[int, float], float] = {}
        self._segments: dict[tuple[int, float, float], float] = {}
        self._sum = torch.zeros(subject.x.shape[1:], dtype=self._wide, device=subject.x.device)
        self._variance = torch.zeros_like(self._sum)
        self._done = 0.0
        self._begin()

    def _begin(self) -> None:
        # the end is common to all paths
        score, gradient = self._subject.gradient(self._subject.x)
        for path in range(len(self._paths)):
            self._known[path, 1.0], self._scores[path, 1.0] = gradient[0], float(score[0])
        places = [i / (START - 1) for i in range(START)]
        self._evaluate([(path, t) for path in range(len(self._paths)) for t in places[:-1]])
        for path in range(len(self._paths)):
            for low, high in zip(places, places[1:], strict=False):
                self._enter(path, low, high)

    def _evaluate(self, places: list[tuple[int, float]]) -> None:
        for begin in range(0, len(places), BATCH):
            some = places[begin : begin + BATCH]
            scores, gradients = self._subject.gradient(torch.stack([self._at(*place) for place in some]))
            self._known |= dict(zip(some, gradients, strict=True))
            self._scores |= dict(zip(some, scores.tolist(), strict=True))

    def _at(self, path: int, t: float) -> torch.Tensor:
        return self._subject.x[0] if t == 1.0 else self._paths[path](t)

    def _enter(self, path: int, low: float, high: float, sign: int = 1) -> None:
        """Add a segment to the sums, or take it out."""
        step = (self._at(path, high) - self._at(path, low)).to(self._wide)
        first, last = (self._known[path, t].to(self._wide) for t in (low, high))
        self._sum.addcmul_(first + last, step, value=sign / 2)
        change = (last - first) * step
        self._variance.addcmul_(change, change, value=sign / 12)
        if sign > 0:
            self._segments[path, low, high] = float(change.abs().sum())
        else:
            del self._segments[path, low, high]

    def halve(self, count: int) -> None:
        """Halve the segments with the largest ‖Δg ∘ Δx‖₁."""
        worst = sorted(self._segments, key=self._segments.__getitem__, reverse=True)[:count]
        self._evaluate([(path, (low + high) / 2) for path, low, high in worst])
        for path, low, high in worst:
            middle = (low + high) / 2
            self._enter(path, low, high, -1)
            self._enter(path, low, middle)
            self._enter(path, middle, high)

    def integral(self, tolerance: float, maximum: int) -> Integral:
        """The mean over the paths now."""
        whole = float(self._sum.abs().sum())
        # single precision may leave a little less than nothing where much was added and taken out
        error = float(self._variance.clamp(min=0).sqrt().sum())
        error = error / whole if whole else error
        count = len(self._paths)
        evaluations = len(self._scores) - count + 1
        final = not tolerance < error < float("inf") or evaluations >= maximum
        starts = tuple(self._scores[path, 0.0] for path in range(count))
        values = (self._sum / count).to(self._subject.x.dtype)
        self._done = 1.0 if final else max(self._done, min(0.95, tolerance / error))
        progress = "" if final else f"{evaluations} evaluations, of at most {maximum}"
        return Integral(values, evaluations, error, starts, self._scores[0, 1.0], self._done, progress)


def facts_of(found: Integral) -> dict[str, Any]:
    """What an integral says of itself, as an attribution's facts."""
    start = sum(found.starts) / len(found.starts)
    return {"baseline_score": start, "residual": found.residual, "map_error": found.map_error}
