"""Objective of a channel: its mean over all places."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from nbviz.features.layer_defaults import LEAK
from nbviz.features.objectives.base import Objective, channel_maps, objective


@objective
def channel(layer: str, index: int) -> Objective:
    """Return the mean of a channel over all places, those below zero counting a tenth where there are several.

    Otherwise edges, whose filters give as much below zero as above, would have no picture; minus it is the
    other extreme, places above zero counting a tenth.
    """
    return Objective(
        f"channel {index} of {layer}",
        (layer,),
        lambda says: _leaking_mean(channel_maps(says, layer, index)),
        str(index),
        opposite=lambda says: _leaking_mean(-channel_maps(says, layer, index)),
    )


def _leaking_mean(places: Tensor) -> Tensor:
    return functional.leaky_relu(places, LEAK).mean() if places.numel() > 1 else places.mean()
