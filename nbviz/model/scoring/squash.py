"""The softmax or sigmoid that a network ends in, as autograd's graph of its output shows it."""

from __future__ import annotations

from typing import Any

import torch

from nbviz.model.scoring.autograd_graph import kind, origin

CLOSE = 1e-3
SOFTMAX = frozenset(("SoftmaxBackward0", "SafeSoftmaxBackward0", "LogSoftmaxBackward0"))
SIGMOIDS = frozenset(("SigmoidBackward0", "LogSigmoidBackward0"))
MULTIPLES = frozenset(("MulBackward0", "DivBackward0"))


def squash(node: Any) -> Any:
    """Return the softmax or sigmoid that made a node's values, multiples aside; None where another step did."""
    while node is not None and kind(node) in MULTIPLES:
        above = [origin(before) for before, _ in node.next_functions if before is not None]
        if len(above) != 1:
            return None
        node = above[0]
    return node if node is not None and kind(node) in SOFTMAX | SIGMOIDS else None


def multiple(scores: torch.Tensor, squash: Any) -> float | None:
    """Return the factor, above 0, between a softmax's or sigmoid's result and scores; None where there is no such."""
    name = kind(squash)
    if origin(scores.grad_fn) is squash or name not in SOFTMAX and name != "SigmoidBackward0":
        return 1
    result = squash._saved_result.detach().double().reshape(-1)
    found = scores.detach().double().reshape(-1)
    if result.shape != found.shape:
        return None
    factor = float(found.sum() / result.sum())
    return factor if factor > 0 and torch.allclose(found, factor * result, rtol=CLOSE, atol=0) else None


def over_classes(node: Any, scores: torch.Tensor) -> bool:
    shape, axis = node._saved_result.shape, int(node._saved_dim)
    axis = axis - 2**64 if axis >= 2**63 else axis
    if len(shape) == scores.dim() == 4:
        return axis % 4 == 1
    return bool(shape[axis] == scores.shape[1])
