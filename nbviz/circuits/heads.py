"""Attention heads as the sources of a circuit's step: a node without each head's output."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from nbviz.attention.heads import head_counts
from nbviz.circuits.node import Node, NodeReader
from nbviz.circuits.step import Step, check_order
from nbviz.edits.heads import heads_off
from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass


def head_layers(model: InstrumentedModel, x: Tensor) -> dict[str, int]:
    """Return the layers in which attention happens → their heads, in call order; none where no attention is read."""
    try:
        return model.guest.steady(lambda run: head_counts(model, run, x))
    except Refused:  # a network without attention that can be read
        return {}


def head_step(model: InstrumentedModel, x: Tensor, node: Node, layer: str, heads: int, top: int = 8) -> Step:
    """Measure what each attention head of ``layer`` does to a node, for the input ``x`` (1, C, H, W).

    One forward per head, ended at the node. Raises NbvizError where the layer does not come before the node.
    """
    check_order(model, node, model.layer(layer))
    reader = NodeReader(model, node, x)
    return model.guest.steady(lambda run: _head_step(model, run, x, node, reader, layer, heads, top))


def _head_step(
    model: InstrumentedModel, run: Pass, x: Tensor, node: Node, reader: NodeReader, layer: str, heads: int, top: int
) -> Step:
    def without(off: Iterable[int]) -> float:
        with torch.no_grad(), heads_off(run.net, model, layer, off, heads):
            return float(reader(run, x).detach().double())

    value = without(())
    effects = np.array([value - without([head]) for head in range(heads)])
    chosen = tuple(np.argsort(-np.abs(effects), kind="stable")[:top].tolist())
    others = [head for head in range(heads) if head not in chosen]
    about = without(others), without(chosen), without(range(heads)), False
    if not np.isfinite(effects).all():
        raise NbvizError(f"The node is not finite with heads of '{layer}' off.")
    return Step(node, value, reader.before, layer, effects, np.full(heads, np.nan), chosen, *about, kind="head")
