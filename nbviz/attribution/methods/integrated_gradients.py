"""Integrated gradients, adaptive along the path.

Sundararajan, Taly and Yan integrate the gradient on the straight path from a baseline to the picture. On real
networks the sum of absolute attributions is hundreds of times the score difference, so neither the residual nor
the path's score error tells how right the *map* is. Here the path is halved where the map itself is least certain,
and the stopping rule is an estimate of the map's own relative error.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
import torch

from nbviz.attribution.base import SCORE, About, Attribution, register, result
from nbviz.attribution.baselines import baseline as blank
from nbviz.attribution.baselines import baseline_name
from nbviz.attribution.path_integral import BATCH, Maximum, Path, Tolerance, integrated, residual, straight
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject

Baseline = Annotated[
    Literal["black", "blur", "mean", "noise"] | torch.Tensor,
    About("Where the path starts: the picture that counts as showing nothing.", label="start from"),
]
STRIDE = 8
"""A partial map of the fixed rule takes every eighth place first, so that it spreads over the path."""


@register("Integrated gradients", "Sundararajan, Taly, Yan 2017, arXiv:1703.01365", family="gradients", unit=SCORE)
def integrated_gradients(
    subject: Subject,
    *,
    baseline: Baseline = "black",
    tolerance: Tolerance = 0.05,
    maximum: Maximum = 200,
    rule: Annotated[
        Literal["adaptive", "gausslegendre"],
        About("Closer together where the map still changes (adaptive), or all fixed beforehand.", label="steps are"),
    ] = "adaptive",
    steps: Annotated[
        int,
        About("How many, where steps are fixed; adaptive ones are as many as it takes.", 1, 500, label="fixed steps"),
    ] = 50,
) -> Iterator[Attribution]:
    """Each pixel's part in the score on the way from the baseline.

    values: (x − x′)·∫ ∂ score/∂x along the straight path, (1, C, H, W), signed; their sum is the difference of
    the scores up to ``facts["residual"]``, which is stated as it came out and never spread away. heat: absolute
    value of the channel sum, ≥ 0. ``facts["map_error"]``: estimated relative L1 error of the map (adaptive
    rule). baseline may be a preprocessed tensor of the picture's shape.
    """
    path, name = straight(blank(subject, baseline)[0], subject.x[0]), baseline_name(baseline)
    if rule == "gausslegendre":
        yield from _gauss_legendre(subject, path, steps, name)
    else:
        yield from integrated(subject, [path], tolerance, maximum, baseline=name)


def _gauss_legendre(subject: Subject, path: Path, steps: int, name: str) -> Iterator[Attribution]:
    """Integrate by a fixed quadrature; a partial map is the mean of the steps so far."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    delta = at_least_single(subject.x[0]) - at_least_single(path(0.0))
    end, start = (float(subject.gradient(picture[None])[0]) for picture in (subject.x[0], path(0.0)))
    order = [i for first in range(STRIDE) for i in range(first, steps, STRIDE)]
    integral, used = torch.zeros_like(delta, dtype=_wide(delta)), 0.0

    def shown(values: torch.Tensor, done: float = 1.0, progress: str = "") -> Attribution:
        left = residual(values, end - start)
        values, heat = values[None].to(delta.dtype), values.sum(0).abs().to(delta.dtype)
        return result(
            subject, values, heat, done=done, progress=progress, baseline=name, baseline_score=start, residual=left
        )

    for begin in range(0, steps, BATCH):
        some = order[begin : begin + BATCH]
        _, gradients = subject.gradient(torch.stack([path(float(nodes[i] + 1) / 2) for i in some]))
        for i, gradient in zip(some, gradients, strict=True):
            # halved: the nodes lie in −1…1, the path in 0…1
            integral.add_(gradient * delta, alpha=float(weights[i]) / 2)
            used += float(weights[i]) / 2
        count = begin + len(some)
        if count < steps:
            # scaled by the weights so far, so that a partial map has the size of the whole
            yield shown(integral / used, count / steps, f"{count} of {steps} steps")
    yield shown(integral)


def _wide(tensor: torch.Tensor) -> torch.dtype:
    # MPS has no doubles
    return torch.float32 if tensor.device.type == "mps" else torch.float64
