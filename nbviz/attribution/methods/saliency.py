"""Saliency: the gradient of the score in the picture."""

from __future__ import annotations

from collections.abc import Iterator

from nbviz.attribution.base import GRADIENT, Attribution, register, result
from nbviz.passes.subject import Subject


@register("Saliency", "Simonyan, Vedaldi, Zisserman 2014, arXiv:1312.6034", family="gradients", unit=GRADIENT)
def saliency(subject: Subject) -> Iterator[Attribution]:
    """Which pixels would change the score most if they changed a little.

    values: ∂ score/∂x (1, C, H, W), the raw logit's gradient, not softmax's. heat: the largest absolute value
    over the channels, ≥ 0. One forward and one backward.
    """
    _, gradient = subject.gradient(subject.x)
    yield result(subject, gradient, gradient[0].abs().amax(0))
