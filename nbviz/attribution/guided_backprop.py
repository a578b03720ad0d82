"""Guided backprop at every ReLU call, whatever form the call has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from nbviz.attribution.base import About, Attribution, register, result
from nbviz.tensors.gradients import Place, projected, ruled_gradient
from nbviz.tensors.subject import Subject

TITLE = "Guided backprop"


@register(TITLE, "Springenberg et al. 2015, arXiv:1412.6806", family="gradients")
def guided_backprop(
    subject: Subject,
    *,
    channel: Annotated[
        str, About("Sends one channel back instead of the class, written layer:number; empty for the class.")
    ] = "",
    place: Annotated[Place, About("Where in that channel: its strongest place, or all of it.")] = "strongest",
) -> Iterator[Attribution]:
    """Which edges and textures feed the score when only positive signals are let back through each ReLU.

    values: the score's gradient in the picture (1, C, H, W) with g·[x > 0]·[g > 0] at every ReLU call. heat:
    the largest absolute value over the channels, ≥ 0. With ``channel`` the channel's positive activation is
    what is sent back. A network without ReLU is refused, the activations it has named. It is sharp because it
    follows the picture's edges, and hardly depends on the class: read it as a picture of features. Unlike
    captum's it counts functional, in-place and shared calls, and ReLU6.
    """
    if channel:
        found = projected(subject, channel, place, "guided", TITLE)
    else:
        found = ruled_gradient(subject, subject.x, "guided", TITLE)
    yield result(subject, found.values, found.values[0].abs().amax(0), **found.facts)
