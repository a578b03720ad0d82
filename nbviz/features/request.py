"""Channels as people write them (slices, numbers of any kind, objectives) as a list of objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbviz.arguments import channel_number, whole
from nbviz.errors import NbvizError
from nbviz.features.layer_defaults import check_layers
from nbviz.features.objectives import Objective
from nbviz.features.objectives.base import Kind, kind_by_channel
from nbviz.model.instrumented import InstrumentedModel

ChannelsLike = int | slice | Objective | Sequence[int | Objective]


def objectives_for(
    model: InstrumentedModel, layer: str, channels: ChannelsLike, kind: str = "channel"
) -> list[Objective]:
    """Return objectives of a layer's channels, of a registered kind. NbvizError for what isn't there."""
    check_layers(model, [layer])
    count, registered = model.layer(layer).channels or 0, kind_by_channel(kind)
    if isinstance(channels, slice):
        channels = range(count)[channels]
    one = isinstance(channels, Objective) or whole(channels) is not None or not hasattr(channels, "__iter__")
    items: list[Any] = [channels] if one else list(channels)  # type: ignore[arg-type]
    if not items:
        raise NbvizError("channels= is empty: name at least one channel.")
    objectives = [
        item if isinstance(item, Objective) else _of_channel(registered, layer, item, count) for item in items
    ]
    for objective in objectives:
        check_layers(model, objective.layers)
    return objectives


def _of_channel(kind: Kind, layer: str, index: object, count: int) -> Objective:
    if whole(index) is None:
        raise NbvizError(f"A channel is a whole number or an objective, not {index!r}.")
    return kind.make(layer, channel_number(layer, index, count))
