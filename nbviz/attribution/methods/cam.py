"""CAM: class weights over the last feature maps, for heads that are a mean and a linear layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from nbviz.attribution.base import Attribution, register, result
from nbviz.errors import Refused
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject, record
from nbviz.replica.hooks import hooked, modules_of

CLOSE = 1e-3
"""Share of the scores' spread within which a mean of maps counts as the head's input."""
ROUNDED = 4
"""Roundings of the largest score that are forgiven beside that."""


@register("CAM", "Zhou et al. 2016, arXiv:1512.04150", family="class activation", limited=True)
def cam(subject: Subject) -> Iterator[Attribution]:
    """Where the maps lie whose mean the last layer reads as the class.

    values: Σ_k w_k·A_k at the last maps' resolution (h, w), signed, w the linear head's weights for the class;
    their mean is the score less the head's bias. heat: the positive part, interpolated bilinearly. Only for
    networks that end in a mean over places and a linear layer: that is checked on this picture, by numbers
    (``facts["maps"]``: which layer's), and anything else is refused; Grad-CAM is the same there up to a
    factor, and works with any head.
    """
    if subject.target.unit is not None:
        raise Refused("CAM explains what a linear head puts out, not a channel before it. Grad-CAM explains channels.")
    if subject.target.function is not None:
        raise Refused("CAM explains what a linear head puts out, not a function of it. Grad-CAM explains functions.")
    head = _find(subject)
    scores, activations = record(subject, subject.leaf(subject.x), head.name, head.maps)
    weights = at_least_single(activations[head.name].gradient(scores)[0, :, 0, 0]) @ at_least_single(head.weight)
    maps = at_least_single(activations[head.maps].maps[0])
    maps = maps.clamp(min=0) if head.rectified else maps
    values = (weights[:, None, None] * maps).sum(0)
    facts: dict[str, Any] = {"maps": head.maps + (", rectified" if head.rectified else ""), "linear": head.name}
    yield result(subject, values, values.clamp(min=0), places=tuple(values.shape), **facts)


@dataclass(frozen=True)
class _Head:
    """Linear head, and the layer whose maps' mean it reads."""

    name: str
    weight: torch.Tensor
    """(classes, channels)."""
    maps: str
    rectified: bool
    """True if a ReLU that is no module stands between the maps and their mean."""


def _find(subject: Subject) -> _Head:
    layers, modules = subject.model.trace().layers, modules_of(subject.run.net)
    spatial = {name: modules[name] for name, layer in layers.items() if name in modules and layer.places}
    linear = {name: module for name, module in modules.items() if _is_linear(module)}
    means: dict[tuple[str, bool], torch.Tensor] = {}
    outputs: dict[str, torch.Tensor] = {}

    def keep(name: str, call: int, output: torch.Tensor) -> None:
        if name in linear:
            outputs[name] = output.flatten(1)
        layer = layers[name]
        if name in spatial and call == layer.calls and layer.layout is not None:
            maps = at_least_single(layer.layout.maps(output))
            # a ReLU called as a function is no module, and stands between the maps and their mean unseen
            for rectified in (True, False):
                means[name, rectified] = (maps.clamp(min=0) if rectified else maps).mean((2, 3))

    with torch.no_grad(), hooked({**spatial, **linear}, keep):
        output = subject.model.read(subject.run(subject.x))
        if output.kind == "unknown":  # a function of it is explained, which is no linear head's score
            raise Refused(
                f"CAM explains one score per class; the output of {subject.model.name} holds none that can be told. "
                "Grad-CAM explains any function of it."
            )
        logits = output.logits
        subject.calls += 1
        for name in reversed(outputs):
            # to the bit: a softmax or a scale behind it would make its weights those of something else
            if outputs[name].shape == logits.shape and torch.equal(outputs[name], logits):
                return _matched(name, linear[name], means, logits)
    raise Refused(f"CAM needs a linear layer as head; in {subject.model.name} no linear layer puts out the scores.")


def _matched(name: str, head: nn.Module, means: dict[tuple[str, bool], torch.Tensor], logits: torch.Tensor) -> _Head:
    weight = at_least_single(head.weight.detach().flatten(1))
    bias = 0 if head.bias is None else head.bias
    exact = at_least_single(logits)
    spread = (exact - exact.mean()).abs().max().clamp(min=1e-12)
    # a head in half precision rounds its inputs and its sums
    close = torch.maximum(CLOSE * spread, ROUNDED * torch.finfo(logits.dtype).eps * exact.abs().max())
    # the last that fits: a block and the layers in it may put out the same maps
    for (maps, rectified), mean in reversed(means.items()):
        if mean.shape[1] == weight.shape[1] and (mean @ weight.T + bias - exact).abs().max() <= close:
            return _Head(name, weight, maps, rectified)
    raise Refused(
        f"CAM needs a linear head over the mean of maps; what '{name}' reads here is no layer's mean. "
        "Grad-CAM works with any head."
    )


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1))
