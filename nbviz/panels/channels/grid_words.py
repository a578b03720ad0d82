"""Texts around the channel grid: its switch, and the layer beside its title."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nbviz.edits import Channels
from nbviz.model.layers import Layer
from nbviz.panels.scenes.channel_page import ChannelLook, ChannelsPage, mode_of
from nbviz.panels.snapshot.parts import ChannelsPart
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


def edited_channels(selection: Selection, channels: Sequence[int]) -> dict[int, str]:
    """Return those of the channels of the layer on show that edits change → in a phrase: ``"switched off"``."""
    changed = dict[int, str]()
    for edit in () if selection.original else selection.edits:
        if isinstance(edit, Channels) and edit.layer == selection.layer:
            changed |= edit.phrases(channels)
    return {channel: changed[channel] for channel in channels if channel in changed}


def look_data(look: ChannelLook, filters: np.ndarray | None, places: bool, measured: bool) -> dict[str, Any]:
    """Return what the grid's controls show. places: the layer has maps; measured: effects are there to sort by."""
    mode = mode_of(look, filters)
    sort = "class" if look.sort == "effect" and not measured else look.sort
    return {
        "mode": mode, "sort": sort, "shared": look.shared, "scalable": places and mode == "maps",
        "recipe": look.recipe, "measured": measured,
    }  # fmt: skip


def sheet_data(page: ChannelsPage) -> dict[str, Any]:
    """Return how a page's tiles lie in its mosaic."""
    drawn = page.mosaic
    return {
        "columns": drawn.columns, "rows": drawn.rows, "gap": drawn.gap, "aspect": page.aspect,
        "tile_height": drawn.tile_height, "tile_width": drawn.tile_width, "kind": drawn.kind, "photos": page.photos,
    }  # fmt: skip


def settings(look: ChannelLook) -> list[str]:
    """Describe how the maps are sorted and scaled."""
    sort = {"class": "For the class", "effect": "By effect", "activation": "By activation", "index": "By number"}
    last = {"made": look.recipe.capitalize(), "found": ""}
    scale = last.get(look.mode, "Shared scale" if look.shared else "Own scale")
    return [word for word in (look.mode.capitalize(), sort[look.sort], scale) if word]


def still_part(
    page: ChannelsPage,
    view: Any,  # noqa: ANN401 - a ChannelGrid, whose module imports this one
    look: ChannelLook,
) -> ChannelsPart:
    """Return the grid's part of a still picture."""
    count = len(page.channels)
    at = page.channels.index(view.channel) if view.channel in page.channels else None
    pager = f"{page.first + 1}–{page.first + count} of {view.total}"
    return ChannelsPart([view.about], page.mosaic, count, at, page.aspect, settings(look), page.caption, pager)
