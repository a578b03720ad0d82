"""Guided backprop at every ReLU call, whatever form the call has."""

from __future__ import annotations

from collections.abc import Iterator

from nbviz.attribution.base import Attribution, register, result
from nbviz.passes.graph.relu_gradients import ruled_gradient
from nbviz.passes.subject import Subject


@register("Guided backprop", "Springenberg et al. 2015, arXiv:1412.6806", family="gradients", limited=True)
def guided_backprop(subject: Subject) -> Iterator[Attribution]:
    """Edges and textures that feed the score, positive signals only.

    values: the score's gradient in the picture (1, C, H, W) with g·[x > 0]·[g > 0] at every ReLU call. heat:
    the largest absolute value over the channels, ≥ 0. A network without ReLU is refused, the activations it
    has named. It is sharp because it follows the picture's edges, and hardly depends on the class: read it as
    a picture of features. Unlike captum's it counts functional, in-place and shared calls, and ReLU6.
    """
    gradients = ruled_gradient(subject, subject.x, "guided", "Guided backprop")
    yield result(subject, gradients.values, gradients.values[0].abs().amax(0), **gradients.facts)
