"""Deconvnet: a class's score, or one channel, projected back to pixels."""

from __future__ import annotations

from collections.abc import Iterator

from nbviz.attribution.base import Attribution, register, result
from nbviz.passes.graph.relu_gradients import ruled_gradient
from nbviz.passes.subject import Subject


@register("Deconvnet", "Zeiler, Fergus 2014, arXiv:1311.2901", family="gradients", limited=True)
def deconvnet(subject: Subject) -> Iterator[Attribution]:
    """Pixels that the score comes from when the network runs backwards.

    values: (1, C, H, W), the score sent back with g·[g > 0] at every ReLU call, pooling by the switches of
    the forward and convolutions by their transpose. heat: the largest absolute value over the channels, ≥ 0.
    With the target ``Target.channel(layer, channel, "max")`` it is what Zeiler and Fergus drew, over the
    activation that they sent back. A network without ReLU is refused, the activations it has named. Unlike
    captum's it counts functional, in-place and shared calls, and ReLU6.
    """
    gradients = ruled_gradient(subject, subject.x, "deconvnet", "Deconvnet")
    yield result(subject, gradients.values, gradients.values[0].abs().amax(0), **gradients.facts)
