"""Attention probabilities and their gradients, read from autograd's nodes after an ordinary forward.

Nothing is hooked, replaced or switched off, so outputs and gradients stay equal to the bit. Fused attention
keeps its query, key and value for the backward pass: the probabilities P are computed again from them, and
∂y/∂P is (gradient of its output)·Vᵀ. Attention written out keeps P itself, as the result of its softmax, and
autograd knows ∂y/∂P. A softmax counts as attention where it runs over the last axis and goes, through changes
of shape and type alone, into a matrix product; class probabilities, gates and mixtures don't.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, Node

from nbviz.model.scoring.autograd_graph import RESHAPING, graph
from nbviz.passes.precision import at_least_single
from nbviz.replica.gradients import grad

SOFTMAX = ("SoftmaxBackward0", "SafeSoftmaxBackward0")
HIDING = ("Checkpoint", "Compiled")
"""Parts of the names of nodes that hide the operations inside them."""


@dataclass(frozen=True, eq=False)
class Block:
    """Attention block in one forward of one picture. Its graph lives as long as it does."""

    node: Node
    """The autograd node of the fused attention or of the softmax."""
    product: Node
    """The node of the matrix product with the values; the same node where attention is fused."""
    shape: tuple[int, ...]
    """Of P: (windows, heads, queries, keys); one window where every place can see every other."""

    @property
    def windows(self) -> int:
        """Number of windows, whose places don't see each other; 1 in global attention."""
        return self.shape[0]

    @property
    def heads(self) -> int:
        """Number of heads."""
        return self.shape[1]

    @property
    def queries(self) -> int:
        """Number of tokens that attend."""
        return self.shape[2]

    @property
    def keys(self) -> int:
        """Number of tokens attended to."""
        return self.shape[3]

    @property
    def fused(self) -> bool:
        """True if P never existed in the forward and is computed again."""
        return self.node is self.product

    def probabilities(self) -> Tensor:
        """Return P, (windows, heads, queries, keys): how a query spreads its attention over the keys."""
        with torch.no_grad():
            result = _softmax_again(self.node) if self.fused else self.node._saved_result.detach()
            return at_least_single(result).reshape(self.shape)

    def value(self) -> Tensor | None:
        """Return the values of the keys, (pictures × windows × heads, keys, channels); None where they aren't kept."""
        value = self.node._saved_value if self.fused else _other_factor(self.product, self.keys)
        return None if value is None else value.detach().flatten(0, -3)


def attentions(output: Tensor) -> tuple[tuple[Block, ...], int]:
    """Find every attention that went into ``output``, in the order of the forward, for a batch of one picture.

    Also counts the softmaxes between equally many tokens that can't be read as attention, because something
    happens to them on their way to a matrix product.
    """
    nodes = list(graph(output.grad_fn))
    consumers: dict[Node, list[Node]] = {}
    for node in nodes:
        for parent, _ in node.next_functions:
            consumers.setdefault(parent, []).append(node)
    # the walk starts at the output; autograd's numbers have the order of the forward
    nodes.sort(key=lambda node: node._sequence_nr())
    pairs = [(node, _block(node, consumers)) for node in nodes]
    changed = sum(block is None and _square_softmax(node) for node, block in pairs)
    return tuple(block for _, block in pairs if block is not None), changed


def hidden(output: Tensor) -> bool:
    """Return whether checkpointed or compiled code hides a part of the operations from us."""
    return any(part in node.name() for node in graph(output.grad_fn) for part in HIDING)


def gradients(score: Tensor, blocks: Sequence[Block]) -> Iterator[Tensor]:
    """Yield ∂ score/∂P of each block, shaped as P; one backward, down to the first block. The graph is kept."""
    if not blocks:
        return
    # edges, not tensors: probabilities have no object in Python that outlived the forward
    edges = [GradientEdge(block.node, 0) for block in blocks]
    arrived = grad(score, edges, retain_graph=True, allow_unused=True)
    for block, gradient in zip(blocks, arrived, strict=True):
        # the score does not come through every block: behind the last one the class token alone is read
        if gradient is None:
            yield torch.zeros(block.shape, dtype=torch.float32, device=score.device)
            continue
        if block.fused:
            value = at_least_single(_repeated(block.node._saved_value.detach(), block.heads))
            gradient = at_least_single(gradient) @ value.transpose(-1, -2)
        yield at_least_single(gradient).reshape(block.shape)


def _block(node: Node, consumers: dict[Node, list[Node]]) -> Block | None:
    name = node.name()
    if name.startswith("ScaledDotProduct") and hasattr(node, "_saved_query"):
        query, key = node._saved_query, node._saved_key
        return Block(node, node, _shape((*query.shape[:-1], key.shape[-2])))
    if name not in SOFTMAX:
        return None
    shape = tuple(node._saved_result.shape)
    product = _product(node, consumers) if len(shape) > 1 and _last(node._saved_dim, len(shape)) else None
    return None if product is None else Block(node, product, _shape(shape))


def _square_softmax(node: Node) -> bool:
    if node.name() not in SOFTMAX:
        return False
    shape = tuple(node._saved_result.shape)
    return len(shape) > 2 and shape[-1] == shape[-2] > 1 and _last(node._saved_dim, len(shape))


def _shape(shape: Iterable[int]) -> tuple[int, ...]:
    """Return (windows, heads, queries, keys) of one picture's probabilities; heads come right before the queries."""
    *lead, queries, keys = shape
    heads = lead.pop() if lead else 1
    return math.prod(lead), heads, queries, keys


def _last(axis: int, axes: int) -> bool:
    """Return whether an axis, which autograd keeps as an unsigned number, is the last."""
    return axis in (-1, axes - 1, 2**64 - 1)


def _product(softmax: Node, consumers: dict[Node, list[Node]]) -> Node | None:
    """Return the matrix product that the probabilities go into unchanged; None where there is none."""
    left = list(consumers.get(softmax, ()))
    while left:
        node = left.pop()
        if node.name() == "BmmBackward0":
            return node
        if node.name() in RESHAPING:
            left += consumers.get(node, ())
    return None


def _other_factor(product: Node, keys: int) -> Tensor | None:
    """Return the values in a matrix product P·V, (…, keys, channels)."""
    value = product._saved_mat2
    return value if value is not None and value.shape[-2] == keys else None


def _softmax_again(node: Node) -> Tensor:
    query = at_least_single(node._saved_query.detach())
    key = at_least_single(_repeated(node._saved_key.detach(), query.shape[-3]))
    scale = node._saved_scale
    scores = (query @ key.transpose(-1, -2)) * (query.shape[-1] ** -0.5 if scale is None else scale)
    # kernels name it by themselves: the CPU's attn_mask, the memory-efficient one attn_bias
    mask = getattr(node, "_saved_attn_mask", getattr(node, "_saved_attn_bias", None))
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask.detach()
    if node._saved_is_causal:
        scores = scores.masked_fill(~torch.ones_like(scores, dtype=torch.bool).tril(), -math.inf)
    nothing = scores.isneginf().all(-1, keepdim=True)  # a query that may look nowhere
    return scores.softmax(-1).masked_fill(nothing, 0.0)


def _repeated(tensor: Tensor, heads: int) -> Tensor:
    """Repeat keys or values of grouped-query attention, one for each head."""
    # the kernel is handed the few keys, and shares each among neighbouring queries itself
    groups = heads // tensor.shape[-3]
    return tensor if groups == 1 else tensor.repeat_interleave(groups, -3)
