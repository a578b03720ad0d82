"""Randomised networks: the weights of the last stages drawn anew on a copy, all else shared with the user's."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from nbviz.model.by_model import ByModel
from nbviz.model.edit import without_picture_edits
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.replica.replica import replicate

LARGE = 0.3
"""A stage with more than this share of the layers that have weights is taken apart."""
MOST_BYTES = 32 * 2**20
"""Redrawn weights up to this size are kept for the next map: looking at the structure anew costs more than they do."""
_redrawn: ByModel[InstrumentedModel, dict[Any, InstrumentedModel]] = ByModel()


def redrawn(model: InstrumentedModel, seed: int, count: int = 3, layer: str | None = None) -> InstrumentedModel:
    """Return the model with the weights of its last ``count`` stages drawn anew, N(0, each tensor's own σ).

    layer: the last stages up to this layer, for a channel of it depends on no later ones. Norms, biases and scales
    are kept: without them activations die, and the test would be of that. Only the redrawn tensors are copies. Edits of
    layers are made on the copy too; those of pictures are not, for one may ask the network.
    """
    version, copies = model.fingerprint(), _redrawn.setdefault(model, {})
    # weights that have changed never come back: their copies are memory for nothing
    for old in [key for key in copies if key[0] != version]:
        del copies[old]
    key = (version, seed, count, layer)
    if key in copies:
        return copies[key]
    chosen = stages(model) if layer is None else [name for name in stages(model) if _leads(model, name, layer)]
    # half of the stages at most: with all of them redrawn guided backprop, too, gives another map, and passes
    chosen = chosen[-min(count, max(1, len(chosen) // 2)) :]
    # of the network without edits: those that hang on a replica are not to be copied with it
    plain = model.origin or model
    net, size = plain.guest.steady(lambda run: _drawn(run.net, chosen, seed))
    copy = InstrumentedModel(
        net,
        model.transform,
        model.classes,
        output=model.output,
        multilabel=model.read.hints.multilabel,
        name=model.name,
    ).edited(*without_picture_edits(model).edits)
    if size <= MOST_BYTES:
        copies[key] = copy
    return copy


def _leads(model: InstrumentedModel, stage: str, layer: str) -> bool:
    """Return whether a stage is called before a layer puts out."""
    first, last = model.layer(stage).first_call, model.layer(layer).order
    return first is not None and last is not None and first <= last


def stages(model: InstrumentedModel) -> list[str]:
    """Return the names of the network's stages with weights, in call order: blocks, not single layers."""
    heavy = _heavy(model)
    called = [layer for layer in model.layers().walk() if layer.first_call is not None and not layer.is_call]
    held = {layer.name: sum(_within(name, layer.name) for name in heavy) for layer in called}
    layers: list[Layer] = []
    pending = [model.layers()]
    while pending:
        layer = pending.pop()
        inner = [child for child in layer.children if held.get(child.name)]
        if inner and (layer.name == "" or held[layer.name] > max(1, LARGE * len(heavy))):
            pending.extend(inner)
        elif held.get(layer.name):
            layers.append(layer)
    layers.sort(key=lambda layer: layer.first_call or 0)
    return [layer.name for layer in layers]


def _heavy(model: InstrumentedModel) -> list[str]:
    """Return the names of the modules that own weights."""
    return model.guest.steady(
        lambda run: [name for name, module in run.net.named_modules() if any(True for _ in _weights(module))]
    )


def _weights(module: nn.Module) -> list[nn.Parameter]:
    """Return a module's own weights: tensors of two or more dimensions, norms left out."""
    if "Norm" in type(module).__name__:
        return []
    own = module.parameters(recurse=False)
    return [p for p in own if sum(length > 1 for length in p.shape) > 1 and p.is_floating_point()]


def _within(name: str, stage: str) -> bool:
    return stage == "" or name == stage or name.startswith(stage + ".")


def _drawn(net: nn.Module, chosen: list[str], seed: int) -> tuple[nn.Module, int]:
    """Return a replica with the weights of the chosen stages drawn anew, and how many bytes are its own."""
    generator = torch.Generator().manual_seed(seed)
    drawn: dict[int, torch.Tensor] = {}
    for name, module in net.named_modules():
        for weight in _weights(module) if any(_within(name, stage) for stage in chosen) else ():
            # on the CPU in single, so that a seed means the same weights on every device
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float32, device="cpu")
            # by address: weights that two modules share stay shared
            drawn.setdefault(weight.data_ptr(), noise.to(weight) * weight.detach().std())
    size = sum(weight.numel() * weight.element_size() for weight in drawn.values())
    return replicate(net, lambda t: drawn.get(t.data_ptr(), t)), size
