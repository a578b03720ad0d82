"""ReLU calls found on autograd's nodes after an ordinary forward, and two rules for their backward.

The forward is never touched: functional, in-place and shared calls, ReLU6, hardtanh, clamp and threshold at 0
all leave a node of their own. What hides nodes is named, so that a method refuses instead of missing a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import Node, get_gradient_edge

from nbviz.errors import Refused

Rule = Literal["guided", "deconvnet"]

_OTHERS = {
    "Silu": "SiLU", "Gelu": "GELU", "Hardswish": "Hardswish", "Hardsigmoid": "Hardsigmoid",
    "Elu": "ELU", "Celu": "CELU", "LeakyRelu": "LeakyReLU", "PreluKernel": "PReLU",
    "RreluWithNoise": "RReLU", "Mish": "Mish", "Softplus": "Softplus", "Tanh": "Tanh",
    "Sigmoid": "Sigmoid", "LogSigmoid": "LogSigmoid", "Glu": "GLU", "Hardtanh": "Hardtanh",
    "Threshold": "Threshold", "Maximum": "maximum", "Softshrink": "Softshrink", "Hardshrink": "Hardshrink",
}  # fmt: skip
_FLOORS = {
    "Hardtanh": "_saved_min_val",
    "Clamp": "_saved_min",
    "ClampMin": "_saved_min",
    "Threshold": "_saved_threshold",
}


@dataclass(frozen=True)
class Rectifiers:
    """Activation functions in the graph below an output."""

    nodes: tuple[Node, ...]
    """Autograd nodes of ReLU calls."""
    others: Counter[str]
    """Activations that are no ReLU, by name."""
    hidden: tuple[str, ...]
    """Nodes that may hide a ReLU."""

    def need(self, title: str) -> None:
        """Raise :class:`Refused` unless every ReLU call is known and there is one."""
        if self.hidden:
            why = _HIDING.get(self.hidden[0], f"the inside of {self.hidden[0]} is hidden from autograd's graph.")
            raise Refused(f"{title} needs to see every ReLU; {why}")
        if not self.nodes:
            raise Refused(f"{title} needs ReLUs; this network has {self.listing or 'none'}.")

    @property
    def listing(self) -> str:
        """Other activations in a phrase: "49 SiLU, 16 Sigmoid"."""
        return ", ".join(f"{count} {name}" for name, count in self.others.most_common())


_HIDING = {
    "CopySlices": "an in-place operation on a part of a tensor hides which activation it is.",
    "CompiledFunctionBackward": "compiled code hides them. Pass the network before torch.compile.",
    "CheckpointFunctionBackward": "a reentrant checkpoint hides them: use use_reentrant=False.",
}


def rectifiers(root: Node, x: torch.Tensor) -> Rectifiers:
    """Find every activation on the way from a node, such as ``output.grad_fn``, down to ``x``.

    What weights are made with, such as a relative position's own little network, is not on the way.
    """
    nodes, others, hidden = [], Counter[str](), []
    for node in _between(root, get_gradient_edge(x).node):
        # CopySlices calls itself torch::autograd::CopySlices
        name = node.name().rpartition("::")[2]
        kind = name.partition("Backward")[0]
        # a Python autograd.Function computes out of autograd's sight, as a part written in place does
        if name == "CopySlices" or isinstance(node, BackwardCFunction):
            hidden.append(name)
        elif _is_relu(node, kind):
            nodes.append(node)
        elif kind in _OTHERS:
            others[_OTHERS[kind]] += 1
    return Rectifiers(tuple(nodes), others, tuple(hidden))


@contextmanager
def ruled(nodes: Sequence[Node], rule: Rule) -> Iterator[None]:
    """Let the backward of these nodes follow ``rule`` within the block.

    guided: g·[x > 0]·[g > 0]; deconvnet: g·[g > 0], whatever x was.
    """
    handles = []
    try:
        for node in nodes:
            handles.append(node.register_hook(_guided if rule == "guided" else _deconvnet))
        yield
    finally:
        for handle in handles:
            handle.remove()


# What a ReLU's backward puts out is a tensor of its own that nobody else has seen yet: it is written to in place, for
# a second one a call would cost a twentieth of the pass. What came from above may be another branch's too.
def _guided(below: tuple[torch.Tensor | None, ...], above: tuple[torch.Tensor | None, ...]) -> None:  # noqa: ARG001 - the signature is its caller's
    if below[0] is not None:
        below[0].clamp_(min=0)


def _deconvnet(below: tuple[torch.Tensor | None, ...], above: tuple[torch.Tensor | None, ...]) -> None:
    if below[0] is not None:
        torch.clamp(above[0], min=0, out=below[0])


def _is_relu(node: Node, kind: str) -> bool:
    if kind == "Relu":
        return True
    # from 0 on it passes: ReLU6, hardtanh(0, 6), clamp(min=0) and threshold at 0 are ReLUs by another name
    floor = getattr(node, _FLOORS.get(kind, ""), None)
    return isinstance(floor, (int, float)) and floor == 0


def _between(root: Node, end: Node) -> list[Node]:
    """Return the nodes on a path from ``root`` to ``end``."""
    # a node's Python object is its identity only while it is held
    above: dict[Node, list[Node]] = {root: []}
    left = [root]
    while left:
        node = left.pop()
        for below, _ in node.next_functions:
            if below is not None:
                if below not in above:
                    left.append(below)
                above.setdefault(below, []).append(node)
    # back up from the picture: what leads only to weights is never met
    lit, left = dict.fromkeys([end]), [end]
    while left:
        for node in above.get(left.pop(), []):
            if node not in lit:
                lit[node] = None
                left.append(node)
    return list(lit)
