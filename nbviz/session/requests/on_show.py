"""Request of the map on show: an explanation, or the chosen channel's own map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbviz.attribution import METHODS
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.default_layer import last_layer
from nbviz.pictures.load import Picture
from nbviz.session.requests.base import ChannelRequest, ExplainRequest
from nbviz.session.selection import Selection


def map_on_show(
    selection: Selection, model: InstrumentedModel, pictures: Mapping[str, Picture]
) -> ExplainRequest | ChannelRequest:
    """Return the request of the map over the picture."""
    if selection.canvas == "explanation":
        return explanation(selection, model, pictures)
    picture, target = pictures[selection.image], Target.ensure(selection.target, model)
    return ChannelRequest(picture, selection.layer, target, selection.channel)


def explanation(selection: Selection, model: InstrumentedModel, pictures: Mapping[str, Picture]) -> ExplainRequest:
    """Return the request of the explanation, whatever lies over the picture; its layer only where it is used."""
    picture, target = pictures[selection.image], Target.ensure(selection.target, model)
    layer = None
    if METHODS[selection.method].uses_layer:
        layer = selection.layer if selection.at == "layer" else last_layer(model, target)
    return ExplainRequest(picture, target, selection.method, layer, tuple(selection.options.items()))


def map_reads(selection: Selection) -> frozenset[str]:
    """Return the traits on which the map on show depends."""
    if selection.canvas == "channel":
        return frozenset(("canvas", "image", "layer", "target", "channel"))
    layer = ("layer", "at") if METHODS[selection.method].uses_layer else ()
    return frozenset(("canvas", "image", "target", "method", "options", *layer))


def map_question(selection: Selection) -> tuple[Any, ...]:
    """Return the picture, target and kind of the map on show; any other is another answer's."""
    return selection.image, selection.target, selection.canvas


def heading_reads(selection: Selection) -> tuple[Any, ...]:
    """Return all of a selection that the map's heading depends on."""
    if selection.canvas == "channel":
        return selection.layer, selection.channel
    return selection.image, selection.target, METHODS[selection.method].uses_target
