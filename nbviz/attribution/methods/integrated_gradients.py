"""Integrated gradients, adaptive along the path.

Sundararajan, Taly and Yan integrate the gradient on the straight path from a baseline to the picture. On real
networks the sum of absolute attributions is hundreds of times the score difference, so neither the residual nor
the path's score error tells how right the *map* is. Here the path is halved where the map itself is least certain,
and the stopping rule is an estimate of the map's own relative error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
import torch

from nbviz.attribution.base import SCORE, About, Attribution, register, result
from nbviz.attribution.baselines import baseline as blank
from nbviz.attribution.baselines import said
from nbviz.attribution.path_integral import START, Maximum, Tolerance
from nbviz.passes.subject import Subject

BATCH = 2
"""Evaluations at once: 2 to 8 cost 0.95 × a single one each, and each holds 100 MiB on the embedded network."""
BATCH_ACCELERATED = 16

Baseline = Annotated[
    Literal["black", "blur", "mean", "noise"] | torch.Tensor,
    About("Where the path starts: the picture that counts as showing nothing."),
]


@register("Integrated gradients", "Sundararajan, Taly, Yan 2017, arXiv:1703.01365", family="gradients", unit=SCORE)
def integrated_gradients(
    subject: Subject,
    *,
    baseline: Baseline = "black",
    tolerance: Tolerance = 0.05,
    maximum: Maximum = 200,
    rule: Annotated[
        Literal["adaptive", "gausslegendre"], About("Adaptive halving, or a fixed quadrature of so many steps.")
    ] = "adaptive",
    steps: Annotated[int, About("Steps of the fixed rule; the adaptive one takes what it needs.", 1, 500)] = 50,
) -> Iterator[Attribution]:
    """How much each pixel adds to the score on the way from the baseline to the picture.

    values: (x − x′)·∫ ∂ score/∂x along the straight path, (1, C, H, W), signed; their sum is the difference of
    the scores up to ``facts["residual"]``, which is stated as it came out and never spread away. heat: absolute
    value of the channel sum, ≥ 0. ``facts["map_error"]``: estimated relative L1 error of the map (adaptive
    rule). baseline may be a preprocessed tensor of the picture's shape.
    """
    start = blank(subject, baseline)
    path = _Path(subject, start, said(baseline))
    yield from path.gauss_legendre(steps) if rule == "gausslegendre" else path.adaptive(tolerance, maximum)


class _Path:
    """The straight path from a baseline x′ to x, and gradients on it."""

    def __init__(self, subject: Subject, start: torch.Tensor, name: str) -> None:
        self._subject, self._start, self._name = subject, start, name
        self._batch = BATCH if subject.x.device.type == "cpu" else BATCH_ACCELERATED
        self._delta = subject.x - start
        self._wide = self._delta.double() if self._delta.device.type != "mps" else self._delta
        self._ends: dict[float, float] = {}

    def _gradients(self, places: list[float]) -> list[torch.Tensor]:
        """(score gradient) ∘ Δx at places 0…1, each (C, H, W)."""
        if len(places) > self._batch:
            return [*self._gradients(places[: self._batch]), *self._gradients(places[self._batch :])]
        at = torch.tensor(places, dtype=self._delta.dtype, device=self._delta.device)
        batch = self._start + at[:, None, None, None] * self._delta
        batch = torch.where(at[:, None, None, None] == 1, self._subject.x, batch)
        scores, gradients = self._subject.gradient(batch)
        self._ends |= {p: float(s) for p, s in zip(places, scores, strict=True) if p in (0.0, 1.0)}
        return list(gradients * self._delta)

    def adaptive(self, tolerance: float, maximum: int) -> Iterator[Attribution]:
        """Halve the panels with the largest h·‖bend‖₁ until the map's error is below ``tolerance``."""
        at_end = self._gradients([1.0])
        places = [i / (START - 1) for i in range(START - 1)]
        known = dict(zip([1.0, *places], [*at_end, *self._gradients(places)], strict=True))
        sums = _Sums(known, self._wide[0])
        for low, high in ((0.0, 0.5), (0.5, 1.0)):
            sums.enter(low, high)
        while True:
            error, room = sums.error(), maximum - len(known)
            if error <= tolerance or room < 2 or not np.isfinite(error):
                stopped = "tolerance reached" if error <= tolerance else "maximum reached"
                yield self._result(sums.integral, map_error=error, stopped=stopped)
                return
            yield self._result(
                sums.integral,
                done=min(0.95, tolerance / error),
                progress=f"{len(known)} evaluations, of at most {maximum}",
                map_error=error,
            )
            worst = sums.worst(min(self._batch, room) // 2)
            middles = [low + (high - low) * part for low, high in worst for part in (0.25, 0.75)]
            known |= dict(zip(middles, self._gradients(middles), strict=True))
            for low, high in worst:
                sums.halve(low, high)

    def gauss_legendre(self, steps: int) -> Iterator[Attribution]:
        """A fixed quadrature; what is shown on the way is the mean of the steps so far, spread over the path."""
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        self._gradients([1.0])
        self._gradients([0.0])
        stride = min(8, steps)
        order = [i for first in range(stride) for i in range(first, steps, stride)]
        integral, used = torch.zeros_like(self._wide[0]), 0.0
        for begin in range(0, steps, self._batch):
            batch = order[begin : begin + self._batch]
            for i, gradient in zip(batch, self._gradients([float(nodes[i] + 1) / 2 for i in batch]), strict=True):
                integral.add_(gradient, alpha=float(weights[i]) / 2)
                used += float(weights[i]) / 2
            count = begin + len(batch)
            if count < steps:
                yield self._result(integral / used, done=count / steps, progress=f"{count} of {steps} steps")
        yield self._result(integral)

    def _result(self, integral: torch.Tensor, done: float = 1.0, progress: str = "", **facts: Any) -> Attribution:
        # batches of other sizes round otherwise: a path of no length has no difference, to the bit
        difference = self._ends[1.0] - self._ends[0.0] if self._delta.any() else 0.0
        residual = abs(float(integral.sum()) - difference) / abs(difference) if difference else None
        values = integral[None].to(self._subject.x.dtype)
        heat = integral.sum(0).abs().to(self._subject.x.dtype)
        return result(
            self._subject, values, heat, done=done, progress=progress,
            baseline=self._name, baseline_score=self._ends[0.0], residual=residual, **facts,
        )  # fmt: skip


class _Sums:
    """The integral over panels of the path, each with gradients at its ends and in its middle, and its error.

    A panel is summed by Simpson's rule where a feature's gradient changes evenly, and by trapezoids where it jumps, as
    a ReLU's does, or anything between; with s the share of its change that bends, the correction is taken (1 − s)-fold.
    """

    def __init__(self, known: dict[float, torch.Tensor], like: torch.Tensor) -> None:
        self._known, self._panels = known, dict[tuple[float, float], float]()
        self.integral, self._variance = torch.zeros_like(like), torch.zeros_like(like)

    def enter(self, low: float, high: float, sign: int = 1) -> None:
        """Add a panel to the sums, or take it out."""
        first, middle, last = (self._known[t].to(self.integral) for t in (low, (low + high) / 2, high))
        width, bend = (high - low) / 2, last - 2 * middle + first
        change = (last - middle).abs_().add_((middle - first).abs_())
        even = 1 - bend.abs().div_(change.clamp_(min=torch.finfo(change.dtype).tiny))
        self.integral.add_((first + last).div_(2).add_(middle).sub_(even.mul_(bend).div_(6)), alpha=sign * width)
        self._variance.addcmul_(bend, bend, value=sign * width**2 / 12)
        if sign > 0:
            self._panels[low, high] = width * float(bend.abs_().sum())
        else:
            del self._panels[low, high]

    def halve(self, low: float, high: float) -> None:
        """Put two panels for one; the gradients at their middles are known."""
        self.enter(low, high, -1)
        self.enter(low, (low + high) / 2)
        self.enter((low + high) / 2, high)

    def worst(self, count: int) -> list[tuple[float, float]]:
        """The panels that are least sure."""
        return sorted(self._panels, key=self._panels.__getitem__, reverse=True)[: max(1, count)]

    def error(self) -> float:
        """Estimated relative L1 error of the map."""
        return _ratio(self._variance.clamp(min=0).sqrt().sum(), self.integral.abs().sum())


def _ratio(part: torch.Tensor, whole: torch.Tensor) -> float:
    """part / whole, 0 where both vanish (the picture is the baseline, or the score is constant)."""
    return float(part / whole) if float(whole) else float(part)
