"""Facts about a model's layers that made pictures depend on."""

from __future__ import annotations

from collections.abc import Iterable

from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.passes.feature_maps import channel_layer

SCORES = ""
"""The name under which the network's class scores are asked for and given."""

LEAK = 0.1
"""Weight of a place that is off, or saturated, relative to one that isn't."""


def native_size(model: InstrumentedModel) -> tuple[int, int]:
    """Return (height, width) of the pictures the network is used with; its layers are then known for that size.

    What its preprocessing makes, whatever it was run with last; where that is guessed, the size it was run with last.
    """
    size = None if model.transform.guessed else model.transform.size
    if size is not None:
        # a trace settles for which size shapes and layouts are known
        model.trace(noise(model.guest, (model.transform.channels, *size)))
        return size
    model.trace()
    shape = model._shape or (3, 224, 224)  # noqa: SLF001 - our own
    return shape[-2], shape[-1]


def check_layers(model: InstrumentedModel, layers: Iterable[str]) -> None:
    """Raise NbvizError for a layer that isn't there or whose channels can't be told."""
    for name in layers:
        if not (isinstance(name, str) and name == SCORES):  # an array is compared item by item
            channel_layer(model, name)


def counts_places(layer: Layer) -> bool:
    """Return whether the layer's output is a list of places, whose number is then the network's own."""
    return layer.layout is not None and layer.layout.kind in ("tokens", "tokens_first")
