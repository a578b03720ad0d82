"""What layers put out in one differentiable forward: activations, and where a backward may start or end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nbviz.tensors.capture import hooked, modules_of, split
from nbviz.tensors.errors import NbvizError, Refused
from nbviz.tensors.layers import Layer

if TYPE_CHECKING:
    from nbviz.tensors.subject import Subject


@dataclass(frozen=True)
class Recorded:
    """A layer's output as it was put out, before any later operation overwrote it."""

    layer: Layer
    activation: torch.Tensor
    """Detached."""
    edge: Any
    """Its place in autograd's graph; None where nothing differentiable leads to it."""
    shared: bool = False
    """Whether other targets still need the graph."""

    @property
    def maps(self) -> torch.Tensor:
        """The activation as (N, C, h, w); a vector has 1 × 1 maps."""
        return self.read(self.activation)

    def read(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor shaped as the activation, such as its gradient, as (N, C, h, w)."""
        layout = self.layer.layout
        if layout is None:
            raise NbvizError(f"Layer '{self.layer.name}' puts out nothing that can be read as maps.")
        return layout.maps(tensor)

    def gradient(self, scores: torch.Tensor, retain: bool = False) -> torch.Tensor:
        """∂ Σ scores/∂ activation as (N, C, h, w); zero where they don't depend on it."""
        found = None
        if self.edge is not None and scores.requires_grad:
            keep = retain or self.shared
            (found,) = torch.autograd.grad(scores.sum(), (self.edge,), allow_unused=True, retain_graph=keep)
        return self.read(torch.zeros_like(self.activation) if found is None else found)


def record(subject: Subject, batch: torch.Tensor, *names: str) -> tuple[torch.Tensor, dict[str, Recorded]]:
    """Scores of a batch (N, C, H, W) and what the named layers put out on the way."""
    found, shared = subject.model.trace(), subject.shared
    if shared is not None and shared.has(batch, *names):
        return subject.scores(batch), {name: shared.layers[name] for name in names}
    if shared is not None:
        shared.again()
    # looked up here: whether the network is still the same is asked a pass, not a layer
    layers = {name: found.layers[name] if name in found.layers else subject.model.layer(name) for name in names}
    wanted: dict[str, dict[int, str]] = {}
    for name, layer in layers.items():
        stem, call = split(name)
        wanted.setdefault(stem, {})[call or layer.calls] = name
    kept: dict[str, Recorded] = {}

    def keep(stem: str, number: int, output: torch.Tensor) -> None:
        name = wanted[stem].get(number)
        if name is not None:
            activation = output.detach()
            if (stem, number) in found.overwritten:
                activation = activation.clone()
            edge = torch.autograd.graph.get_gradient_edge(output) if output.requires_grad else None
            kept[name] = Recorded(layers[name], activation, edge, subject.retain)

    modules = modules_of(subject.run.net)
    with hooked({stem: modules[stem] for stem in wanted}, keep):
        scores = subject.scores(batch)
    for name in names:
        if name not in kept:
            raise _unreached(name, subject)
    if shared is not None:
        shared.layers.update(kept)
    return scores, kept


def _unreached(name: str, subject: Subject) -> NbvizError:
    if subject.target.unit is None:
        return NbvizError(f"Layer '{name}' was not reached in this forward.")
    said = subject.target_words
    return Refused(f"Layer '{name}' comes after the channel that is explained ({said}): choose an earlier one.")
