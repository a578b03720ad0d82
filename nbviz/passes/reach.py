"""Gradients that may not reach the picture: a backward that says so, and the refusal that names the cause.

A gradient that does not arrive is no gradient of zero. ``torch.no_grad`` around a trunk, ``detach``, quantised layers
and reentrant checkpoints cut autograd's graph while the score goes on depending on the picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.autograd.graph import GradientEdge

from nbviz.errors import Refused
from nbviz.model.scoring.autograd_graph import graph
from nbviz.replica.gradients import grad
from nbviz.replica.interruption import pause

GRADIENT_FREE = ("occlusion", "rise")
"""Methods that hide parts of the picture and so need no gradient."""
CHECKPOINT = "CheckpointFunctionBackward"


def backward(
    scores: torch.Tensor, inputs: Sequence[torch.Tensor | GradientEdge], retain: bool = False
) -> tuple[torch.Tensor | None, ...]:
    """Return gradients of Σ scores in tensors or graph edges; None where none leads there."""
    if not scores.requires_grad or not inputs:
        return (None,) * len(inputs)
    pause()  # a backward takes twice as long as the forward that asked last
    try:
        # never .backward(): that would leave .grad on whatever else requires one
        return grad(scores.sum(), inputs, allow_unused=True, retain_graph=retain)
    except RuntimeError:
        # a reentrant checkpoint raises in place of a gradient
        if not checkpointed(scores):
            raise
        return (None,) * len(inputs)


def cut(net: nn.Module, start: torch.Tensor, what: str, where: str, instead: tuple[str, ...] = ()) -> Refused:
    """Return the refusal where no gradient leads from ``what`` to the picture or a layer that depends on it.

    start: the tensor the backward began at. instead: methods that need no gradient.
    """
    if quantised(net) is not None:
        why = f"layer '{quantised(net)}' is quantised and passes none; explain the network as it was before"
    elif checkpointed(start):
        why = "a reentrant checkpoint hides what it computes; use checkpoint(…, use_reentrant=False)"
    elif where == "the picture":
        why = "the network cuts it off (torch.no_grad, inference_mode, .detach() or a step such as argmax)"
    else:
        why = "the score does not come through there, or the network cuts it off (torch.no_grad, .detach())"
    way_out = " Occlusion and RISE need no gradient." if instead else ""
    return Refused(f"No gradient leads from {what} to {where}: {why}.{way_out}", instead=instead)


def flat(what: str, start: float, end: float) -> Refused:
    """Return the refusal where the gradient of ``what`` is zero along a path on which it goes from start to end."""
    return Refused(
        f"The gradient of the score of {what} is zero all along the way from the baseline, though the score goes from "
        f"{start:.4g} to {end:.4g}: a step of the network's, such as rounding, passes none. Occlusion and RISE need no "
        "gradient.",
        instead=GRADIENT_FREE,
    )


def quantised(net: nn.Module) -> str | None:
    """Return the name of the first quantised layer; None where there is none."""
    return next((name for name, module in net.named_modules() if ".quantized" in type(module).__module__), None)


def reaches(scores: torch.Tensor, x: torch.Tensor) -> bool:
    """Return whether the scores' graph leads to a leaf ``x``."""
    end = torch.autograd.graph.get_gradient_edge(x).node
    return any(node is end for node in graph(scores.grad_fn))


def checkpointed(scores: torch.Tensor) -> bool:
    """Return whether a reentrant checkpoint hides a part of the scores' graph."""
    return any(node.name() == CHECKPOINT for node in graph(scores.grad_fn))
