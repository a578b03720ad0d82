"""Gradients in the picture by guided backprop's rule at ReLUs, and by deconvnet's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from nbviz.passes.graph.relus import Rule, rectifiers, ruled
from nbviz.passes.reach import reaches
from nbviz.passes.subject import Subject


@dataclass(frozen=True)
class Gradients:
    """Gradients of a batch in its pictures, (N, C, H, W), and the facts about them."""

    values: torch.Tensor
    facts: dict[str, Any] = field(default_factory=dict)


def ruled_gradient(subject: Subject, batch: torch.Tensor, rule: Rule, title: str) -> Gradients:
    """Return the scores' gradient in each picture with every ReLU call's backward by ``rule``.

    Raises :class:`Refused` with ``title`` where there is no ReLU, or where one may be hidden, and where no gradient
    leads to the pictures.
    """
    batch = subject.leaf(batch)
    return ruled_backward(subject, subject.scores(batch), batch, rule, title)


def ruled_backward(subject: Subject, scores: torch.Tensor, x: torch.Tensor, rule: Rule, title: str) -> Gradients:
    """Send scores (N,) back to a leaf ``x`` with every ReLU call's backward by ``rule``."""
    if not reaches(scores, x):
        return Gradients(subject.slopes(scores, x))
    activations = rectifiers(scores.grad_fn, x)
    # before the first activation a channel is linear in the picture: there is no call to rule
    if subject.target.unit is None or activations.others or activations.hidden:
        activations.need(title)
    with ruled(activations.nodes, rule):
        values = subject.slopes(scores, x)
    facts: dict[str, Any] = {"relus": len(activations.nodes)}
    if activations.listing:
        facts["not_relus"] = activations.listing
    return Gradients(values, facts)
