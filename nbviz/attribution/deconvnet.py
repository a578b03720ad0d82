"""Deconvnet: a class's score, or one channel, projected back to pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from nbviz.attribution.base import About, Attribution, register, result
from nbviz.tensors.gradients import Place, projected, ruled_gradient
from nbviz.tensors.subject import Subject

TITLE = "Deconvnet"


@register(TITLE, "Zeiler, Fergus 2014, arXiv:1311.2901", family="gradients")
def deconvnet(
    subject: Subject,
    *,
    channel: Annotated[
        str, About("Projects one channel instead of the class, written layer:number; empty for the class.")
    ] = "",
    place: Annotated[Place, About("Where in that channel: its strongest place, or all of it.")] = "strongest",
) -> Iterator[Attribution]:
    """Which pixels the score, or one channel's activation, is drawn from when the network is run backwards.

    values: (1, C, H, W), the score sent back with g·[g > 0] at every ReLU call, pooling by the switches of
    the forward and convolutions by their transpose. heat: the largest absolute value over the channels, ≥ 0.
    With ``channel`` it is what Zeiler and Fergus drew: that channel's positive activation is sent back, all
    others being 0. A network without ReLU is refused, the activations it has named. Unlike captum's it counts
    functional, in-place and shared calls, and ReLU6.
    """
    if channel:
        found = projected(subject, channel, place, "deconvnet", TITLE)
    else:
        found = ruled_gradient(subject, subject.x, "deconvnet", TITLE)
    yield result(subject, found.values, found.values[0].abs().amax(0), **found.facts)
