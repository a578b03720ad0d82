"""Texts around the channel grid: its switch, and the layer beside its title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbviz.edits import Channels
from nbviz.model.layers import Layer
from nbviz.session.requests.base import ChannelsAnswer
from nbviz.session.selection import Selection


def modes(has_filters: bool) -> list[list[Any]]:
    """Return the choices of the switch: [key, text, tip, enabled] a mode."""
    weights = "The weights of each channel" if has_filters else "This layer has no filters"
    return [
        ["maps", "Maps", "What each channel makes of this picture", True],
        ["filters", "Filters", weights, has_filters],
        ["made", "Made", "Pictures made to drive each channel most", True],
        ["found", "Found", "Pictures of a data set that drive each channel most", True],
    ]


def about(layer: Layer, answer: ChannelsAnswer) -> str:
    """Describe a layer beside the title: ``"blocks.4.body.2 · ReLU6 · 240 of 28 × 28"``."""
    channels, height, width = answer.maps.values.shape
    size = f"{channels} of {height} × {width}" if answer.maps.places else f"{channels} numbers"
    name = layer.name or layer.kind
    label = "" if name.endswith(layer.label) else layer.label
    return " · ".join(part for part in (name, label, size) if part)


def edited_channels(selection: Selection, channels: Sequence[int]) -> list[int]:
    """Return those of the channels of the layer on show that edits switch off, scale or clamp."""
    changed = set[int]()
    for edit in () if selection.original else selection.edits:
        if isinstance(edit, Channels) and edit.layer == selection.layer:
            changed |= {*edit.off, *dict(edit.scale), *dict(edit.clamp)}
            changed |= set() if edit.only is None else set(channels) - set(edit.only)
    return sorted(changed & set(channels))
