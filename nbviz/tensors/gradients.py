"""Gradients in the picture by three rules at ReLUs: the plain one, guided backprop's and deconvnet's.

A backward may start at the target's score or at one channel of a layer, as Zeiler and Fergus did.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from nbviz.tensors.errors import NbvizError
from nbviz.tensors.recorded import record
from nbviz.tensors.relus import Rule, rectifiers, ruled
from nbviz.tensors.subject import Subject

Place = Literal["strongest", "all"]


@dataclass(frozen=True)
class Gradients:
    """Gradients of a batch in its pictures, (N, C, H, W), and what is to be said of them."""

    values: torch.Tensor
    facts: dict[str, Any] = field(default_factory=dict)


def ruled_gradient(subject: Subject, batch: torch.Tensor, rule: Rule, title: str) -> Gradients:
    """The scores' gradient in each picture with every ReLU call's backward by ``rule``.

    Raises :class:`Refused` with ``title`` where there is no ReLU, or where one may be hidden.
    """
    batch = batch.detach().requires_grad_()
    scores = subject.scores(batch)
    return ruled_backward(scores, torch.ones_like(scores), batch, rule, title)


def ruled_backward(
    outputs: torch.Tensor, start: torch.Tensor, x: torch.Tensor, rule: Rule, title: str, retain: bool = False
) -> Gradients:
    """``start`` (shaped as ``outputs``) sent back to ``x`` with every ReLU call's backward by ``rule``."""
    if not outputs.requires_grad:
        return Gradients(torch.zeros_like(x))
    found = rectifiers(outputs.grad_fn, x)
    found.need(title)
    with ruled(found.nodes, rule):
        (values,) = torch.autograd.grad(outputs, x, start, allow_unused=True, retain_graph=retain)
    facts: dict[str, Any] = {"relus": len(found.nodes)}
    if found.listing:
        facts["not_relus"] = found.listing
    return Gradients(torch.zeros_like(x) if values is None else values, facts)


def projected(subject: Subject, channel: str, place: Place, rule: Rule, title: str) -> Gradients:
    """One channel's activation sent back to the picture: ``channel`` is ``"layer:number"``.

    The signal that starts is the activation itself where it is positive: at its strongest place, or at all.
    """
    layer, number = _parsed(subject, channel)
    batch = subject.x.detach().requires_grad_()
    _, kept = record(subject, batch, layer)
    seen = kept[layer]
    active = seen.maps[0, number].clamp(min=0)
    start = active if place == "all" else _strongest(active)
    facts = {
        "target": f"channel {number} of {layer}",
        "score": float(seen.maps[0, number].max()),
        "start": "all its places" if place == "all" else "its strongest place",
    }
    if seen.edge is None:
        return Gradients(torch.zeros_like(batch), facts)
    wide = torch.zeros(seen.activation.shape).to(seen.activation)
    seen.read(wide)[0, number] = start
    found = rectifiers(seen.edge.node, batch)
    if found.others or found.hidden:
        found.need(title)
    with ruled(found.nodes, rule):
        (values,) = torch.autograd.grad((seen.edge,), batch, (wide,), allow_unused=True)
    values = torch.zeros_like(batch) if values is None else values
    return Gradients(values, {**facts, "relus": len(found.nodes)})


def _strongest(active: torch.Tensor) -> torch.Tensor:
    """The map (h, w) with everything but its first maximum set to 0."""
    flat = active.flatten()
    return torch.where(torch.arange(len(flat), device=flat.device) == flat.argmax(), flat, 0).view_as(active)


def _parsed(subject: Subject, channel: str) -> tuple[str, int]:
    name, _, number = channel.rpartition(":")
    if not name or not number.isdigit():
        raise NbvizError(f"channel is written layer:number, such as 'features.4:17', not {channel!r}.")
    layer = subject.model.layer(name)
    if not int(number) < (layer.channels or 0):
        raise NbvizError(f"Layer '{name}' has {layer.channels or 0} channels; there is no channel {number}.")
    return layer.name, int(number)
