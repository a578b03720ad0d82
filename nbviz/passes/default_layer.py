"""Default layer: where a map is drawn if nobody chose one."""

from __future__ import annotations

import torch

from nbviz.errors import NbvizError
from nbviz.model.by_model import ByModel
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer, grid_layers
from nbviz.model.layouts.tree import version
from nbviz.model.scoring.place import ModuleCall
from nbviz.model.target import Target
from nbviz.model.trace import came_through
from nbviz.passes.reach import backward
from nbviz.passes.subject import Subject, last_spatial_layer, record
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import hooked, modules_of

_known: ByModel[InstrumentedModel, dict[tuple[int, tuple[int, ...], Target], str]] = ByModel()


def default_layer(model: InstrumentedModel, x: torch.Tensor, target: Target) -> Layer:
    """Return the last layer with places that the score of a picture (1, C, H, W) depends on.

    Behind its last attention a vision transformer with a class token reads that token alone, so the layers there
    hold no evidence at any place. The layer is then the last norm or block before it: what the class token reads.
    For a channel it is the channel's own layer.
    """
    if target.unit is not None and model.layer(target.unit.layer).places:
        return model.layer(target.unit.layer)
    aim = target if target.index is None else Target()  # one class reads the same places as another
    # surgery on the network may move the layer: it counts up the revision
    key, known = (model.guest.revision, tuple(x.shape[1:]), aim), _known.setdefault(model, {})
    if key in known:
        return model.layer(known[key])
    name = _default(model, x, aim)
    if target.function is None:  # the next call of a function may come through other layers
        known[key] = name
    return model.layer(name)


def _default(model: InstrumentedModel, x: torch.Tensor, target: Target) -> str:
    through = None if target.function is None else _through(model, x, target)
    last = last_spatial_layer(model, through)
    if last.layout is None or last.layout.prefix == 0:
        return last.name
    return model.guest.steady(lambda run: _read(Subject(model, run, x, target), last))


def last_layer(model: InstrumentedModel, target: Target | None = None) -> str | None:
    """Return the name of the default layer if no pass is needed to find it, else None."""
    if target is not None and (target.unit is not None or target.function is not None):
        return None
    try:
        last = last_spatial_layer(model)
    except NbvizError:
        return None
    return last.name if last.layout is not None and last.layout.prefix == 0 else None


def is_early(layer: Layer, last: Layer) -> bool:
    """Return whether the evidence is not yet gathered at a layer: in the first half of the way to the last one, or
    on a grid of more than twice its places a side.
    """
    finer = min(layer.places or (0, 0)) > 2 * min(last.places or (0, 0))
    return finer or (layer.order or 0) < (last.order or 0) / 2


def _through(model: InstrumentedModel, x: torch.Tensor, target: Target) -> frozenset[tuple[str, int]]:
    """Return (name, call) of the outputs that a function's score comes through, from a forward with its graph."""

    def work(run: Pass) -> frozenset[tuple[str, int]]:
        calls: list[ModuleCall] = []

        def keep(name: str, call: int, output: torch.Tensor) -> None:
            calls.append(ModuleCall(name, call, False, output, output.grad_fn, version(output)))

        with hooked(modules_of(run.net), keep):
            scores = Subject(model, run, x, target).scores(x.detach().requires_grad_())
        return came_through(scores, calls)

    return model.guest.steady(work)


def _read(subject: Subject, last: Layer) -> str:
    # one backward for all candidates: a pass for each would cost as many
    names = [layer.name for layer in _candidates(subject.model, last)]
    scores, activations = record(subject, subject.x.detach().requires_grad_(), *names)
    leads = [name for name in names if activations[name].edge is not None]
    gradients = backward(scores, [activations[name].edge for name in leads])
    for name, gradient in zip(leads, gradients, strict=True):
        if gradient is not None and activations[name].read(gradient).any():
            return name
    return last.name


def _candidates(model: InstrumentedModel, last: Layer) -> list[Layer]:
    """Return layers with places, the last first; those with the last one's places, norms and blocks, before all."""
    spatial = sorted(grid_layers(model.layers()), key=lambda layer: layer.order or 0, reverse=True)
    # of the last one's own tokens first: a norm or a block is what the class token attends to
    stream = [x for x in spatial if x.shape == last.shape and ("Norm" in x.kind or (x.children and x.calls == 1))]
    return stream + [layer for layer in spatial if layer not in stream]
