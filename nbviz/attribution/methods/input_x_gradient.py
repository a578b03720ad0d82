"""Input × gradient."""

from __future__ import annotations

from collections.abc import Iterator

from nbviz.attribution.base import SCORE, Attribution, register, result
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject


@register("Input × gradient", "Shrikumar et al. 2016, arXiv:1605.01713", family="gradients", unit=SCORE)
def input_x_gradient(subject: Subject) -> Iterator[Attribution]:
    """Each pixel's share of the score, if the network were linear.

    values: x ∘ ∂ score/∂x (1, C, H, W), x as the network sees it, after preprocessing; signed. heat: absolute
    value of the channel sum, ≥ 0. For a network without biases and with ReLUs only, their sum is the score.
    """
    _, gradient = subject.gradient(subject.x)
    values = at_least_single(subject.x) * at_least_single(gradient)
    yield result(subject, values, values[0].sum(0).abs())
