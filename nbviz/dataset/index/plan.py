"""The plan of an index, fixed before its first picture: layers, depth, and how the data set is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch

from nbviz.dataset.index.options import IndexOptions
from nbviz.dataset.shards.plan import ShardPlan, cut
from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import with_channels
from nbviz.model.layouts.layout import Layout
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import hooked, modules_of

FORMAT = 2
"""2: the digest of a network also tells its plain attributes and its code."""


@dataclass(frozen=True)
class Watched:
    """Layer whose channels are ranked."""

    name: str
    call: int
    channels: int
    layout: Layout


@dataclass(frozen=True)
class Plan(ShardPlan):
    """Choices that decide the index, bit for bit."""

    k: int
    depth: int
    """Entries kept a channel: ``k``, or more where labels make a class profile."""
    bottom: int
    sample: tuple[int, ...]
    """Items of which every channel's peak is kept."""
    layers: tuple[Watched, ...]
    same: dict[str, str]
    """Layer → the watched layer that puts out the same tensor."""
    format: int = FORMAT

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Plan:
        """Read the plan of a manifest."""
        known = {field.name: values[field.name] for field in fields(cls)}
        layers = tuple(Watched(**{**item, "layout": Layout(**item["layout"])}) for item in values["layers"])
        known.update(layers=layers, shape=tuple(values["shape"]), sample=tuple(values["sample"]))
        return cls(**known)


def planned(model: InstrumentedModel, items: Items, options: IndexOptions) -> Plan:
    """Look at the network and the data set once and fix everything."""
    base, labelled = cut(model, items, options.batch)
    watched, same = _watched(model, base.shape, options.layers)
    return Plan(
        **vars(base),
        k=options.k,
        depth=max(options.k, options.profile if labelled else 0),
        bottom=options.bottom,
        sample=_sample(len(items), options.sample),
        layers=watched,
        same=same,
    )


def _sample(items: int, count: int) -> tuple[int, ...]:
    order = torch.randperm(items, generator=torch.Generator().manual_seed(0), device="cpu")
    return tuple(sorted(order[:count].tolist()))


def _watched(
    model: InstrumentedModel, shape: tuple[int, ...], names: Sequence[str] | None
) -> tuple[tuple[Watched, ...], dict[str, str]]:
    x = noise(model.guest, shape)
    known = model.trace(x).layers
    chosen = [layer for layer in known.values() if layer.channels] if names is None else with_channels(known, names)
    outputs = model.guest.steady(lambda run: _outputs(run, x, {layer.address[0] for layer in chosen}))
    seen: dict[Any, str] = {}
    watched: list[Watched] = []
    same: dict[str, str] = {}
    for layer in reversed(chosen):  # of one tensor's names the innermost: its module made it, and says how
        stem, call = layer.address
        assert layer.layout is not None and layer.channels is not None
        # by kind of layout as well: the same tensor may be read as maps by one and as tokens by another
        first = seen.setdefault((outputs[stem, call], layer.layout.kind), layer.name)
        if first != layer.name:
            same[layer.name] = first
        else:
            watched.append(Watched(layer.name, call, layer.channels, layer.layout))
    return tuple(reversed(watched)), same


def _outputs(run: Pass, x: torch.Tensor, stems: set[str]) -> dict[tuple[str, int], tuple[int, int]]:
    """Return (module, call) → which tensor it put out, and how often that had been written to."""
    held: list[torch.Tensor] = []  # an id of something freed could be another's
    outputs: dict[tuple[str, int], tuple[int, int]] = {}

    def keep(name: str, call: int, tensor: torch.Tensor) -> None:
        held.append(tensor)
        outputs[name, call] = (id(tensor), 0 if tensor.is_inference() else tensor._version)

    modules = modules_of(run.net)
    with torch.no_grad(), hooked({stem: modules[stem] for stem in stems}, keep):
        run(x)
    return outputs
