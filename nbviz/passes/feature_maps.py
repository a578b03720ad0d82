"""Feature maps: every channel's map at one layer, from a forward that ends there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.pictures.load import Picture
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import output_at, split


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """Output of a layer for one picture, as channel maps."""

    layer: str
    values: np.ndarray
    """float32 (C, h, w); (C, 1, 1) for layers without places."""
    places: bool
    """True if a channel is a map, not a number."""
    prefix: int = 0
    """Tokens (class token, registers) in front of the places, left out of ``values``."""

    @property
    def signed(self) -> bool:
        """True if any value is negative."""
        return bool((self.values < 0).any())

    @property
    def nbytes(self) -> int:
        """Memory the maps take."""
        return self.values.nbytes


def channel_layer(model: InstrumentedModel, name: str) -> Layer:
    """Return a layer whose output can be shown as channels; else a sentence."""
    layer = model.layer(name)
    if layer.shape is None:
        raise NbvizError(f"Layer '{name}' puts out nothing in a forward of this network: choose one below it.")
    if layer.layout is None or layer.layout.kind == "none":
        reason = layer.layout.reason if layer.layout is not None else "it was not reached"
        raise NbvizError(f"The channels of '{name}' {layer.shape} can't be shown: {reason}.")
    return layer


def feature_maps(model: InstrumentedModel, picture: Picture, name: str) -> FeatureMaps:
    """Return the layer's output for a picture, as channel maps."""
    x = model.input(picture)
    model.trace(x)
    layer = channel_layer(model, name)
    output = model.guest.steady(lambda run: layer_output(model, run, x, name))
    assert layer.layout is not None
    with torch.no_grad():
        maps = layer.layout.maps(output)[0].float().cpu().contiguous().numpy()
    return FeatureMaps(name, maps, layer.layout.has_places, layer.layout.prefix)


def channel_means(model: InstrumentedModel, run: Pass, x: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Return each channel's mean over its places, for a batch (N, C, H, W), from forwards cut at the layer.

    layer: as :func:`channel_layer` gives it. Returns (N, channels), on the CPU, in double precision.
    """
    return _channel_maps(model, run, x, layer).double().mean((2, 3)).cpu()


def channel_peaks(model: InstrumentedModel, run: Pass, x: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Return each channel's activation at its strongest place, as :func:`channel_means` its mean."""
    return _channel_maps(model, run, x, layer).double().amax((2, 3)).cpu()


def _channel_maps(model: InstrumentedModel, run: Pass, x: torch.Tensor, layer: Layer) -> torch.Tensor:
    assert layer.layout is not None
    return layer.layout.maps(layer_output(model, run, x, layer.name)).detach()


def layer_output(model: InstrumentedModel, run: Pass, x: torch.Tensor, name: str) -> torch.Tensor:
    """Return one layer's output (N, …), from a forward cut there; differentiable in ``x`` if gradients are on."""
    trace = model.trace()
    stem, call = split(name)
    address = stem, call or trace.calls[stem]
    # a caller's input that asks for a gradient gets a graph, all others no memory for one
    with torch.set_grad_enabled(x.requires_grad):
        output = output_at(run.net, address, lambda: run(x))
    if output is None:
        raise NbvizError(f"Layer '{name}' was not reached in this forward.")
    # what a later operation overwrites would be read too late; with a graph autograd guards it by its version
    return output.clone() if address in trace.overwritten and not x.requires_grad else output
