"""The softmax or sigmoid that a network ends in, as autograd's graph of its output shows it."""

from __future__ import annotations

import torch
from torch.autograd.graph import Node

from nbviz.model.scoring.autograd_graph import graph, kind, origin

CLOSE = 1e-3
SOFTMAX = frozenset(("SoftmaxBackward0", "SafeSoftmaxBackward0", "LogSoftmaxBackward0"))
SIGMOIDS = frozenset(("SigmoidBackward0", "LogSigmoidBackward0"))
MULTIPLES = frozenset(("MulBackward0", "DivBackward0"))


def squash(node: Node | None) -> Node | None:
    """Return the softmax or sigmoid that made a node's values, multiples aside; None where another step did."""
    while node is not None and kind(node) in MULTIPLES:
        above = [origin(before) for before, _ in node.next_functions if before is not None]
        if len(above) != 1:
            return None
        node = above[0]
    return node if node is not None and kind(node) in SOFTMAX | SIGMOIDS else None


def multiple(scores: torch.Tensor, squash: Node) -> float | None:
    """Return the factor, above 0, between a softmax's or sigmoid's result and scores; None where there is no such."""
    name = kind(squash)
    if origin(scores.grad_fn) is squash or name not in SOFTMAX and name != "SigmoidBackward0":
        return 1
    result = squash._saved_result.detach().double().reshape(-1)
    values = scores.detach().double().reshape(-1)
    if result.shape != values.shape:
        return None
    factor = float(values.sum() / result.sum())
    return factor if factor > 0 and torch.allclose(values, factor * result, rtol=CLOSE, atol=0) else None


def summed(node: Node) -> int:
    """Return over how many values a softmax adds up to 1."""
    return int(node._saved_result.shape[_axis(node)])


def over_classes(node: Node, scores: torch.Tensor) -> bool:
    """Return whether a softmax's axis is that of the classes in scores (N, classes) or maps (N, classes, h, w)."""
    shape, axis = node._saved_result.shape, _axis(node)
    if len(shape) == scores.dim() == 4:
        return axis % 4 == 1
    return bool(shape[axis] == scores.shape[1])


def _axis(softmax: Node) -> int:
    # autograd keeps it as an unsigned number
    axis = int(softmax._saved_dim)
    return axis - 2**64 if axis >= 2**63 else axis


def undivided(node: Node | None) -> list[Node]:
    """Return the nodes whose values a node's may be a constant multiple of, itself first, such as of logits / T.

    The factor may be a number, or a parameter of one value and what is computed from it.
    """
    chain = [origin(node)]
    while chain[-1] is not None and kind(chain[-1]) in MULTIPLES:
        above = [before for before, _ in chain[-1].next_functions if before is not None and not _is_one_value(before)]
        if len(above) != 1:
            break
        chain.append(origin(above[0]))
    return [one for one in chain if one is not None]


def _is_one_value(node: Node) -> bool:
    # a temperature is a parameter of one value, or computed from some
    leaves = [one.variable for one in graph(node) if hasattr(one, "variable")]
    return len(leaves) > 0 and all(leaf.numel() == 1 for leaf in leaves)


def slope(result: torch.Tensor, logits: torch.Tensor, last: str) -> float | None:
    """Return f > 0 of result = step(f · logits), (N, classes, …); None where no such factor shows.

    last: the step, "softmax", "log-softmax", "sigmoid" or "log-sigmoid".
    """
    after, before = result.detach().double(), logits.detach().double()
    if last.endswith("softmax"):
        after = after if last.startswith("log") else after.log()
        after, before = after - after[:, :1], before - before[:, :1]
    else:
        after = torch.logit(after.exp() if last.startswith("log") else after)
    seen = after.isfinite() & before.isfinite()  # a probability of 0 or 1 tells nothing
    after, before = after[seen], before[seen]
    square = float((before**2).sum())
    factor = float((after * before).sum()) / square if square else 0.0
    close = torch.allclose(
        after, factor * before, rtol=CLOSE, atol=CLOSE * float(after.abs().max()) if len(after) else 0
    )
    return factor if factor > 0 and close else None
