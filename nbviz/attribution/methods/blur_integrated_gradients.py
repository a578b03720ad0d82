"""Blur-integrated gradients: the path leads from the blurred picture through sharper and sharper ones."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated

import torch

from nbviz.attribution.base import SCORE, About, Attribution, register
from nbviz.attribution.baselines import blurred
from nbviz.attribution.path_integral import Maximum, Tolerance, integrated
from nbviz.passes.subject import Subject


@register(
    "Blur-integrated gradients", "Xu, Venugopalan, Sundararajan 2020, arXiv:2004.03383", family="gradients", unit=SCORE
)
def blur_integrated_gradients(
    subject: Subject,
    *,
    blur: Annotated[
        float,
        About(
            "How blurred the path's first picture is, as a share of the picture's shorter side.",
            0.01,
            1,
            label="first blur",
        ),
    ] = 0.25,
    tolerance: Tolerance = 0.05,
    maximum: Maximum = 200,
) -> Iterator[Attribution]:
    """Each pixel's part in the score as the picture comes into focus.

    values: ∫ ∂ score/∂x ∘ dx along x(σ), the picture blurred by a Gaussian whose σ falls to 0
    (1, C, H, W), signed; their sum is the score less the blurred picture's, up to ``facts["residual"]``. Edges
    are reflected. heat: absolute value of the channel sum, ≥ 0. ``facts["map_error"]``: estimated relative L1
    error of the map.
    """
    widest = blur * min(subject.x.shape[2:])

    @cache
    def path(t: float) -> torch.Tensor:
        # squared, so that the first places lie where the picture still changes much
        return blurred(subject.x, widest * (1 - t) ** 2)[0]

    yield from integrated(subject, [path], tolerance, maximum, baseline="blur")
