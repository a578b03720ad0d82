"""Graph of autograd: its nodes, and the node that computed a tensor's values."""

from __future__ import annotations

from collections.abc import Iterator

from torch.autograd.graph import Node

from nbviz.errors import Refused

_SHAPES = "Expand View UnsafeView ReshapeAlias Permute Transpose T Unsqueeze Squeeze Clone ToCopy Alias"
RESHAPING = frozenset(f"{name}Backward0" for name in _SHAPES.split())
"""Nodes that change the shape, order or type of values, never the values."""


MOST = 25_000
"""Nodes that are walked. Torch frees nodes that Python has seen one within the other, and the process ends where the
stack does: a chain of 40,000 was freed on 8 MB of it, one of 60,000 was not."""


def graph(root: Node | None) -> Iterator[Node]:
    """Yield nodes of autograd's graph from a node, such as ``output.grad_fn``, down to its leaves.

    Raises Refused for a graph of more than :data:`MOST`.
    """
    # a node's Python object is its identity only while it is held
    visited, left = {root}, [] if root is None else [root]
    while left:
        node = left.pop()
        yield node
        for below, _ in node.next_functions:
            if len(visited) > MOST:
                raise Refused(
                    f"More than {MOST:,} operations lead to the scores, as where a recurrent layer runs over thousands "
                    "of steps: torch can't look into a graph so deep. Pass a smaller picture."
                )
            if below is not None and below not in visited:
                visited.add(below)
                left.append(below)


def origin(node: Node | None) -> Node | None:
    """Return the node that made the values of ``node``: itself, or the first below it that does more than reshape."""
    while node is not None and kind(node) in RESHAPING:
        node = node.next_functions[0][0]
    return node


def kind(node: Node) -> str:
    """Return a node's name, with the number of a variant that squeezes or clones as 0."""
    name = str(node.name())
    return f"{name.rstrip('0123456789')}0" if name[-1:].isdigit() else name
