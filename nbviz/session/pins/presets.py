"""Presets of maps side by side: the map on show with another method, class or layer, or of another network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from nbviz.attribution import METHODS
from nbviz.errors import NbvizError, nearest
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer, grid_layers, output_order
from nbviz.model.target import Target
from nbviz.passes.default_layer import last_layer
from nbviz.pictures.load import Picture
from nbviz.session.context import LiveContext
from nbviz.session.pins.pin import Pin
from nbviz.session.requests.base import AnswerSource, ChannelRequest, ScoresRequest
from nbviz.session.requests.frozen import thaw
from nbviz.session.requests.on_show import map_on_show
from nbviz.session.selection import Selection

USUAL = ("saliency", "integrated_gradients", "grad_cam", "occlusion")
"""One method of each kind: sensitivity, share of the score, layer, hiding."""
CLASSES = 5
LAYERS = 5
CHANGES = ("image", "target", "method", "layer", "at", "options", "channel", "canvas")
"""Traits of the selection that a pin records, in the order in which one may undo another."""


def pin_of(
    context: AnswerSource,
    pictures: Mapping[str, Picture],
    selection: Selection,
    changes: Mapping[str, Any] | None = None,
) -> Pin:
    """Return the map on show as a pin; changes: other values for some of its names.

    The predicted class and a layer's first channel become what they are now: the scores of the picture, and the
    channels, are asked for where they aren't known. TypeError for a name that a pin doesn't have.
    """
    chosen = _changed(context.model, selection, changes or {})
    request = map_on_show(chosen, context.model, pictures)
    target = resolved(context, request.picture, request.target)
    if isinstance(request, ChannelRequest):
        channel = context.answer(replace(request, target=target)).channel
        return Pin(chosen.image, target, "", request.layer, (), channel)
    return Pin(chosen.image, target, request.method, request.layer, request.options)


def resolved(context: AnswerSource, picture: Picture, target: Target) -> Target:
    """Return the target with the predicted class as an index."""
    if not target.predicted or target.part is not None:  # a region has its own likeliest class
        return target
    return target.instead(int(context.answer(ScoresRequest(picture)).order[0])) or target


def show(pin: Pin, selection: Selection) -> None:
    """Bring the selection back to what a pin asked of the Explorer's own network."""
    values = {
        "image": pin.picture, "target": _plain(pin.target), "layer": pin.layer,
        "method": pin.method or None, "options": thaw(pin.options) if pin.channel is None else None,
        "channel": pin.channel, "canvas": "explanation" if pin.channel is None else "channel",
    }  # fmt: skip
    if pin.layer is not None:
        values["at"] = "layer"
    selection.change(**{name: value for name, value in values.items() if value is not None})


def usual_methods(pin: Pin, model: InstrumentedModel) -> list[Pin]:
    """Return pins of a picture and class by one method of each kind."""
    last = last_layer(model)
    return [
        replace(pin, method=name, layer=last if METHODS[name].uses_layer else None, options=(), channel=None)
        for name in USUAL
        if name in METHODS
    ]


def likeliest_classes(pin: Pin, order: Sequence[int]) -> list[Pin]:
    """Return pins of a map for the likeliest classes; order: class indices, most probable first."""
    targets = (pin.target.instead(int(index)) or Target(int(index)) for index in islice(order, CLASSES))
    return [replace(pin, target=target) for target in targets]


def down_the_network(pin: Pin, model: InstrumentedModel) -> list[Pin]:
    """Return pins of Grad-CAM at a few layers, from the first to the last."""
    names = stations(model)
    return [replace(pin, method="grad_cam", layer=name, options=(), channel=None) for name in names]


def stations(model: InstrumentedModel) -> list[str]:
    """Return a few layers from the input to the end, blocks rather than what is in them.

    The last of each size of grid; where there are fewer than three sizes, evenly spaced ones.
    """
    walked = [layer for layer in grid_layers(model.layers()) if not layer.is_call]
    ordered = sorted((layer for layer in walked if max(layer.places or (1, 1)) > 1), key=output_order)
    # the later of equal keys stays: of each size the last, and of these the outermost block
    grids = {layer.places: layer for layer in sorted(ordered, key=lambda layer: (-_depth(layer), output_order(layer)))}
    if len(grids) >= 3:
        return [layer.name for layer in sorted(grids.values(), key=output_order)][-LAYERS:]
    depths = {depth: [layer for layer in ordered if _depth(layer) == depth] for depth in map(_depth, ordered)}
    chosen = next((depths[depth] for depth in sorted(depths) if len(depths[depth]) >= LAYERS - 1), ordered)
    steps = min(LAYERS, len(chosen))
    return [chosen[round((i + 1) * len(chosen) / steps) - 1].name for i in range(steps)]


def on_network(pin: Pin, model: InstrumentedModel, name: str, other: LiveContext) -> Pin:
    """Return the same pin for another network; classes are matched by name.

    A layer that the other network doesn't have becomes its last one with places. Raises :class:`NbvizError`
    where it has no such class, or no such channel.
    """
    target = pin.target
    if target.function is None and target.index is not None:
        indices = [_class(index, model, other.model, name) for index in (target.index, target.other)]
        target = replace(target, index=indices[0], other=indices[1])
    target = Target.ensure(target, other.model)
    names = [layer.name for layer in other.model.layers().walk()]
    if pin.layer is None or pin.layer in names:
        return replace(pin, target=target, network=name)
    if pin.channel is not None:
        raise NbvizError(f"{name} has no layer '{pin.layer}', so its channel {pin.channel} can't be shown beside.")
    return replace(pin, target=target, layer=last_layer(other.model), network=name)


def _plain(target: Target) -> Target | int | tuple[int, int]:
    """Return a target as a person writes it, where that is complete."""
    if target == Target(target.index, target.other) and target.index is not None:
        return target.index if target.other is None else (target.index, target.other)
    return target


def _class(index: int | None, model: InstrumentedModel, other: InstrumentedModel, name: str) -> int | None:
    if index is None:
        return None
    if model.classes is None or other.classes is None:
        if other.scores == model.scores:
            return index
        raise NbvizError(
            f"{name} puts out {other.scores} scores and this network {model.scores}, and not both have class names: "
            f"pass classes= so that class {index} can be found by name."
        )
    class_name = model.class_name(index)
    places = [at for at, known in enumerate(other.classes) if known == class_name]
    if len(places) == 1:
        return places[0]
    # several classes of the name: the one at the same place is meant
    if index in places:
        return index
    close = nearest(class_name, other.classes)
    raise NbvizError(f"{name} has no class '{class_name}'." + (f" Nearest: '{close}'." if close else ""))


def _changed(model: InstrumentedModel, selection: Selection, changes: Mapping[str, Any]) -> Selection:
    for name in changes:
        if name not in CHANGES:
            close = nearest(name, CHANGES)
            raise TypeError(f"A pin has no '{name}'" + (f"; did you mean '{close}'?" if close else "."))
    if not changes:
        return selection
    values = {name: getattr(selection, name) for name in CHANGES}
    if "method" in changes:
        values |= {"options": {}, "canvas": "explanation"}
    if "layer" in changes:
        values |= {"channel": None, "at": "layer"}
    if "channel" in changes:
        values["canvas"] = "channel"
    return Selection(model, selection.pictures, **(values | dict(changes)))


def _depth(layer: Layer) -> int:
    return layer.name.count(".")
