"""Grad-CAM++: places where a channel helps count, however small the object they lie on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from nbviz.attribution.base import Attribution, register, result
from nbviz.passes.subject import Subject


@register("Grad-CAM++", "Chattopadhay et al. 2018, arXiv:1710.11063", uses_layer=True, family="class activation")
def grad_cam_plus_plus(subject: Subject) -> Iterator[Attribution]:
    """Where the channels for the class are active, small spots included.

    values: Σ_k w_k·A_k at the layer's resolution (h, w), w_k = Σ_ij α·relu(g), α = g²/(2g² + ΣA·g³), g =
    ∂ score/∂A_k at ij and ΣA the sum over the channel's places, as in the paper; α is 0 where g or the
    denominator is. (torch-cam 0.5 divides a copy, so that its α is g².) The exponential round the score only
    scales the map and is left out. heat: the positive part, interpolated bilinearly.
    Made for maps ≥ 0; ``facts["negative"]``, their share below 0, says where that does not hold.
    """
    activation, gradient = subject.at_layer()
    square = gradient**2
    below = 2 * square + activation.sum((1, 2), keepdim=True) * gradient**3
    # divided by 1 where it is left out: the quotient is computed everywhere, and 0 / 0 is NaN
    alpha = torch.where(below != 0, square / torch.where(below != 0, below, 1), 0)
    weights = (alpha * gradient.clamp(min=0)).sum((1, 2))
    values = (weights[:, None, None] * activation).sum(0)
    size = activation.abs().sum()
    negative = float(activation.clamp(max=0).abs().sum() / size) if size else 0.0
    facts: dict[str, Any] = {"negative": negative} if negative else {}
    yield result(subject, values, values.clamp(min=0), places=tuple(values.shape), **facts)
