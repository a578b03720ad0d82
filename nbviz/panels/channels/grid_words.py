"""The words around the channel grid: its switch, and the layer beside its title."""

from __future__ import annotations

from typing import Any

from nbviz.model.layers import Layer
from nbviz.session.requests.base import ChannelsAnswer


def modes(has_filters: bool) -> list[list[Any]]:
    """The switch: [key, text, tip, enabled] a mode."""
    weights = "The weights of each channel" if has_filters else "This layer has no filters"
    return [
        ["maps", "Maps", "What each channel makes of this picture", True],
        ["filters", "Filters", weights, has_filters],
        ["made", "Made", "Pictures made to drive each channel most", True],
        ["found", "Found", "Pictures of a data set that drive each channel most", True],
    ]


def about(layer: Layer, answer: ChannelsAnswer) -> str:
    """A layer beside the title: ``"blocks.4.body.2 · ReLU6 · 240 of 28 × 28"``."""
    channels, height, width = answer.maps.values.shape
    size = f"{channels} of {height} × {width}" if answer.maps.places else f"{channels} numbers"
    name = layer.name or layer.kind
    label = "" if name.endswith(layer.label) else layer.label
    return " · ".join(part for part in (name, label, size) if part)
