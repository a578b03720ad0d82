"""Attention heads as the sources of a circuit's step: a node without each head's output."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from nbviz.attention.heads import head_counts
from nbviz.circuits.node import Node, NodeReader
from nbviz.circuits.step import Step, check_order
from nbviz.edits.heads import heads_off, switching
from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.resume import Resumed
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import output_at


def head_layers(model: InstrumentedModel, x: Tensor) -> dict[str, int]:
    """Return the layers whose attention heads can be switched off → their heads, in call order; none where none can."""
    model.trace(x)
    try:
        counts = model.guest.steady(lambda run: head_counts(model, run, x))
    except Refused:  # a network without attention that can be read
        return {}
    return {layer: heads for layer, heads in counts.items() if _switchable(model, x, layer, heads)}


def _switchable(model: InstrumentedModel, x: Tensor, layer: str, heads: int) -> bool:
    """Return whether a forward that watches a layer's heads, and ends there, refuses none of them."""

    def watched(run: Pass) -> bool:
        with torch.no_grad(), switching(run.net, model, layer, (), heads):
            return output_at(run.net, model.layer(layer).address, lambda: run(x)) is not None

    try:
        return model.guest.steady(watched)
    except NbvizError:
        return False


def head_step(model: InstrumentedModel, x: Tensor, node: Node, layer: str, heads: int, top: int = 8) -> Step:
    """Measure what each attention head of ``layer`` does to a node, for the input ``x`` (1, C, H, W).

    One forward per head, resumed at the layer and ended at the node. Raises NbvizError where the layer does not come
    before the node.
    """
    check_order(model, node, model.layer(layer))
    reader = NodeReader(model, node, x)
    return model.guest.steady(lambda run: _head_step(model, run, x, node, reader, layer, heads, top))


def _head_step(
    model: InstrumentedModel, run: Pass, x: Tensor, node: Node, reader: NodeReader, layer: str, heads: int, top: int
) -> Step:
    def read(run: Pass, batch: Tensor) -> Tensor:
        return reader(run, batch).detach().double().cpu()

    # no first order: a head's output is mixed with the others before it is a tensor that a hook could see
    with torch.no_grad():
        resumed = Resumed(model, run, x, layer, read)

        def without(off: Iterable[int]) -> float:
            switches = partial(heads_off, run.net, model, layer, tuple(off), heads)
            return float(resumed.within(1, switches))

        value = float(resumed.output)
        effects = np.array([value - without([head]) for head in range(heads)])
        chosen = tuple(np.argsort(-np.abs(effects), kind="stable")[:top].tolist())
        others = [head for head in range(heads) if head not in chosen]
        about = without(others) if others else value, without(chosen), without(range(heads)), resumed.exact
    if not np.isfinite(effects).all():
        raise NbvizError(f"The node is not finite with heads of '{layer}' off.")
    return Step(node, value, reader.before, layer, effects, np.full(heads, np.nan), chosen, *about, kind="head")
