"""Step of a circuit: the effects of an earlier layer's channels on a node, measured and to first order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from nbviz.circuits.node import Node, NodeReader
from nbviz.circuits.switches import all_but, all_of, sweep
from nbviz.edits.channels import Fill, fill_of, filling
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.passes.feature_maps import channel_layer
from nbviz.passes.resume import Resumed
from nbviz.replica.gradients import grad
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import record_layers

SPREAD = 0.5
"""Share of a node that its top channels have to give alone, or take away, to be called its cause."""


@dataclass(frozen=True, eq=False)
class Step:
    """Node and the channels of an earlier layer that drive it."""

    node: Node
    value: float
    """The node's value, before its non-linearity where ``before``."""
    before: bool
    source: str
    """The earlier layer."""
    effects: np.ndarray
    """float64 (C,): what the node loses when each channel is switched off, value − value without."""
    first_order: np.ndarray
    """float64 (C,): the same to first order, Σ gradient × (activation − fill); NaN where no gradient leads there."""
    top: tuple[int, ...]
    """Channels with the largest effects, either sign, largest first."""
    alone: float
    """The node's value with only the top channels on."""
    without: float
    """The node's value with the top channels off."""
    off: float
    """The node's value with all channels of the layer off: what other paths and biases give."""
    exact: bool
    """True if forwards could be resumed at the layer."""
    kind: str = "channel"
    """``"channel"``, or ``"head"`` where the sources are attention heads."""

    @property
    def rest(self) -> float:
        """Sum of the effects of all channels that are not among the top."""
        return float(self.effects.sum() - self.effects[list(self.top)].sum())

    @property
    def given(self) -> float | None:
        """Share of the node that the top channels give alone, over what all give; None where all give nothing."""
        whole = self.value - self.off
        return (self.alone - self.off) / whole if abs(whole) > 1e-12 else None

    @property
    def left(self) -> float | None:
        """Share of the node that is left without the top channels; None where all give nothing."""
        whole = self.value - self.off
        return (self.without - self.off) / whole if abs(whole) > 1e-12 else None

    @property
    def spread(self) -> bool:
        """True if no few channels explain the node: they neither give half of it alone nor take half of it away."""
        return self.given is None or self.left is None or (self.given < SPREAD and self.left > SPREAD)


def step(model: InstrumentedModel, x: Tensor, node: Node, source: str, top: int = 8, fill: Fill = "zero") -> Step:
    """Measure what each channel of ``source`` does to a node, for the input ``x`` (1, C, H, W).

    One forward per channel, resumed at the layer and ended at the node. Raises NbvizError where the layer does not come
    before the node, or has no channels.
    """
    return steps(model, x, (node,), source, top, fill)[0]


def steps(
    model: InstrumentedModel, x: Tensor, nodes: Sequence[Node], source: str, top: int = 8, fill: Fill = "zero"
) -> list[Step]:
    """Measure what each channel of ``source`` does to nodes of one layer; see :func:`step`.

    One forward per channel for all of the nodes, and two per node.
    """
    layer, fill = channel_layer(model, source), fill_of(model, source, fill)
    check_order(model, nodes[0], layer)
    reader = NodeReader(model, nodes[0], x)
    return model.guest.steady(lambda run: _steps(model, run, x, nodes, layer, reader, top, fill))


def _steps(
    model: InstrumentedModel,
    run: Pass,
    x: Tensor,
    nodes: Sequence[Node],
    layer: Layer,
    reader: NodeReader,
    top: int,
    fill: Fill,
) -> list[Step]:
    layout, count = layer.layout, layer.channels
    assert layout is not None and count is not None
    # by a forward of its own: the resumed ones below run without a graph
    slopes = _first_order(run, x, nodes, layer, reader, fill)

    def read(run: Pass, batch: Tensor) -> Tensor:
        return reader.values(run, batch, nodes).detach().double().cpu()

    def taken(at: int) -> Step:
        # by size, and among equals by number, so that the same network gives the same circuit
        chosen = tuple(np.argsort(-np.abs(effects[:, at]), kind="stable")[:top].tolist())
        alone = resumed(1, all_but(layout, chosen, count, fill))
        without = resumed(1, all_of(layout, chosen, fill))
        about = (float(alone[0, at]), float(without[0, at]), float(nothing[0, at]), resumed.exact)
        value = float(resumed.output[0, at])
        return Step(nodes[at], value, reader.before, layer.name, effects[:, at], slopes[at], chosen, *about)

    with torch.no_grad():
        resumed = Resumed(model, run, x, layer.name, read)
        effects = np.zeros((count, len(nodes)))
        for channels, off in sweep(resumed, layout, range(count), fill):
            effects[channels] = (resumed.output - off).numpy()
        # the zero of the shares: biases and shortcuts give a node something that no channel of this layer does
        nothing = resumed(1, all_of(layout, range(count), fill))
        return [taken(at) for at in range(len(nodes))]


def _first_order(
    run: Pass, x: Tensor, nodes: Sequence[Node], layer: Layer, reader: NodeReader, fill: Fill
) -> list[np.ndarray]:
    """Return the first order of each node, (C,), by one forward for all of them."""
    assert layer.layout is not None and layer.channels is not None
    layout, outputs = layer.layout, list[tuple[Tensor, GradientEdge | None]]()

    def keep(_: None, tensor: Tensor) -> None:
        # cloned, for a later operation may overwrite it; its edge is that of this moment
        edge = torch.autograd.graph.get_gradient_edge(tensor) if tensor.requires_grad else None
        outputs.append((tensor.detach().clone(), edge))

    with torch.enable_grad(), record_layers(run.net, {layer.address: None}, keep):
        values = reader.values(run, x.detach().requires_grad_(), nodes)
    ((here, edge),) = outputs  # one call of one layer: an address names both
    # against what "off" puts out, not against 0: else first order and measurement would ask two questions
    change = here.double() - filling(here.double(), layout, fill)

    def first_order(value: Tensor) -> np.ndarray:
        slope = None
        if edge is not None and value.requires_grad:
            (slope,) = grad(value, (edge,), retain_graph=True, allow_unused=True)
        if slope is None:
            return np.full(layer.channels or 0, np.nan)
        return layout.by_channel(slope.double() * change)[0].sum(1).cpu().numpy()

    return [first_order(value) for value in values[0]]


def check_order(model: InstrumentedModel, node: Node, layer: Layer) -> None:
    """Raise NbvizError where a layer doesn't come before a node."""
    if node.is_score:
        return
    later = model.layer(node.layer)
    if layer.order is None or later.order is None or layer.order >= later.order:
        raise NbvizError(f"Layer '{layer.name}' does not come before '{node.layer}': its channels can't drive it.")
