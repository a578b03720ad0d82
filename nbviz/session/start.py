"""Where an Explorer opens: a layer whose maps a person can read."""

from __future__ import annotations

from nbviz.tensors.errors import NbvizError
from nbviz.tensors.instrumented import InstrumentedModel
from nbviz.tensors.layers import Layer

READABLE = 28
"""Places a side from which a map shows shapes."""
NON_LINEAR = ("ReLU", "SiLU", "GELU", "Swish", "Mish", "ELU", "Sigmoid", "Activation", "SELU", "CELU")


def first_layer(model: InstrumentedModel) -> str:
    """The last layer after a non-linearity whose maps are 28 × 28 or more; else the most readable one."""
    layers = [layer for layer in model.layers().walk() if layer.name and layer.channels]
    layers = [layer for layer in layers if layer.first_call is not None]
    if not layers:
        raise NbvizError(f"No layer of {model.name} puts out channels that can be shown.")
    spatial = [layer for layer in layers if layer.places and not layer.children]
    if not spatial:
        return layers[0].name
    activations = [layer for layer in spatial if any(word in layer.kind for word in NON_LINEAR)]
    for group in (activations, spatial):
        readable = [layer for layer in group if _side(layer) >= READABLE]
        if readable:
            return max(readable, key=lambda layer: layer.first_call or 0).name
    return max(activations or spatial, key=_side).name


def _side(layer: Layer) -> int:
    return min(layer.places or (0, 0))
