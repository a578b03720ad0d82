"""SmoothGrad, and VarGrad: a gradient method's mean or variance over noisy copies of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import torch

from nbviz.attribution.base import GRADIENT, SCORE, About, Attribution, register, result
from nbviz.attribution.convergence import cells, pattern_error, relative_error
from nbviz.errors import NbvizError
from nbviz.passes.graph.relu_gradients import ruled_gradient
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject

BATCH = 4
"""Pictures at once: 2 to 8 cost about the same each, and fewer stay in a small cache."""
FIRST = 16
"""Draws before two halves are compared."""

Of = Literal["saliency", "input_x_gradient", "guided_backprop", "deconvnet"]
Averaged = Annotated[Of, About("Which map is averaged over the noisy copies.", label="averages")]
Noise = Annotated[
    float, About("How strong the noise is, as a share of the picture's range of values.", 0, 1, label="noise")
]
Samples = Annotated[int, About("How many noisy copies; 0 goes on until the map is steady.", 0, 20000, label="copies")]
Tolerance = Annotated[
    float,
    About(
        "The map is steady when more copies would move less than this share of it.", 1e-9, 0.5, label="steady within"
    ),
]
Maximum = Annotated[int, About("Noisy copies at most.", 2, 20000, label="copies at most")]
Squared = Annotated[bool, About("Average squares, so that plus and minus don't cancel.", label="squares")]
Variance = Annotated[
    bool, About("Show how much the noisy copies disagree, instead of their mean (VarGrad).", label="disagreement")
]
Seed = Annotated[int, About("Another number draws other noise.", 0, 2**31 - 1, label="draw")]
_UNITS = {"saliency": GRADIENT, "input_x_gradient": SCORE}
_RULES: dict[str, Any] = {"guided_backprop": "guided", "deconvnet": "deconvnet"}


@register("SmoothGrad", "Smilkov et al. 2017, arXiv:1706.03825", family="gradients")
def smoothgrad(
    subject: Subject,
    *,
    of: Averaged = "saliency",
    noise: Noise = 0.15,
    samples: Samples = 0,
    tolerance: Tolerance = 0.1,
    maximum: Maximum = 300,
    squared: Squared = False,
    variance: Variance = False,
    seed: Seed = 0,
) -> Iterator[Attribution]:
    """Which pixels move the score, averaged over noisy copies.

    values: mean over copies x + ε of the signed gradient (1, C, H, W), ε normal with
    σ = noise·(max x − min x), from a generator of its own; ``squared``: the mean of squares; ``variance``:
    mean of squares less square of the mean (Adebayo et al. 2018, arXiv:1810.03307). heat: as that of the
    method averaged (largest absolute value over channels; for input × gradient the absolute channel sum).
    Copies are added until ``facts["map_error"]`` is below ``tolerance``: the share of the heat, in 28 × 28
    cells, that lies where the limit's does not, told by two halves of the copies. Single pixels are less sure:
    ``facts["pixel_error"]`` is the relative L1 error of the signed values.
    """
    if squared and variance:
        raise NbvizError("squared and variance are two different maps: choose one of them.")
    average = _Average(subject, of, "variance" if variance else "squared" if squared else "mean")
    most, done = samples or maximum, 0.0
    for batch in _noisy(subject.x, noise, seed, most):
        average.add(batch)
        error = average.error() if average.count >= FIRST else 1.0
        if average.count >= most or (not samples and error <= tolerance):
            break
        # the error falls with the root of the number of copies
        near = 0.0 if samples else min(0.95, (tolerance / error) ** 2)
        done = max(done, near, average.count / most)
        of_most = f"{most}" if samples else f"at most {most}"
        yield average.result(done, f"{average.count} noisy copies, of {of_most}")
    yield average.result()


def _noisy(x: torch.Tensor, noise: float, seed: int, count: int) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    sigma = noise * float(x.max() - x.min())
    for begin in range(0, count, BATCH):
        shape = (min(BATCH, count - begin), *x.shape[1:])
        # on the CPU in double and converted after: every device and precision adds the same noise
        drawn = torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")
        yield x + sigma * drawn.to(x)


class _Average:
    """Sums of gradients and of their squares over two halves of the copies, taken turn about."""

    def __init__(self, subject: Subject, of: Of, kind: str) -> None:
        self._subject, self._of, self._kind = subject, of, kind
        self._facts: dict[str, Any] = {}
        self.count = 0
        with torch.no_grad():
            # the score that is stated is the picture's own, not a noisy copy's
            subject.scores(subject.x)
        # MPS has no doubles
        wide = torch.float32 if subject.x.device.type == "mps" else torch.float64
        self._sums = torch.zeros(2, *subject.x.shape[1:], dtype=wide, device=subject.x.device)
        self._squares = torch.zeros_like(self._sums)

    def add(self, batch: torch.Tensor) -> None:
        """Take another batch of noisy copies; only the last may be odd."""
        gradients = self._gradients(batch).to(self._sums)
        for half in (0, 1):
            self._sums[half] += gradients[half::2].sum(0)
            self._squares[half] += gradients[half::2].square().sum(0)
        self.count += len(batch)

    def _gradients(self, batch: torch.Tensor) -> torch.Tensor:
        if self._of in _RULES:
            ruled = ruled_gradient(self._subject, batch, _RULES[self._of], f"SmoothGrad of {self._of}")
            self._facts = ruled.facts
            return ruled.values
        _, gradients = self._subject.gradient(batch)
        return gradients if self._of == "saliency" else at_least_single(batch) * at_least_single(gradients)

    def _values(self, *halves: int) -> torch.Tensor:
        count = sum((self.count + 1 - half) // 2 for half in halves)
        mean, square = (sums[list(halves)].sum(0) / count for sums in (self._sums, self._squares))
        if self._kind == "mean":
            return mean
        # rounding may leave a variance just below zero
        return square if self._kind == "squared" else (square - mean**2).clamp(min=0)

    def _heat(self, values: torch.Tensor) -> torch.Tensor:
        return values.sum(0).abs() if self._of == "input_x_gradient" else values.abs().amax(0)

    def error(self) -> float:
        """Estimate the heat's error as a share of it, over at most 28 × 28 cells, as it is looked at."""
        one, other = (self._values(half) for half in (0, 1))
        if self._kind != "mean":
            return relative_error(cells(self._heat(one)), cells(self._heat(other)))
        if self._of == "input_x_gradient":
            # as its heat is of the channels' sum
            one, other = one.sum(0, keepdim=True), other.sum(0, keepdim=True)
        return pattern_error(one, other)

    def result(self, done: float = 1.0, progress: str = "") -> Attribution:
        """Return the map so far."""
        values = self._values(0, 1)
        facts = {"samples": self.count, **self._facts}
        facts["unit"] = _UNITS.get(self._of, "") if self._kind == "mean" else ""
        if self.count >= 2:
            facts |= {
                "map_error": self.error(),
                "pixel_error": relative_error(self._values(0), self._values(1)),
            }
        dtype = at_least_single(self._subject.x).dtype
        heat = self._heat(values).to(dtype)
        return result(self._subject, values[None].to(dtype), heat, done=done, progress=progress, **facts)
