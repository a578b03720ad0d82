"""Activations: layers' outputs in one differentiable forward, and where a backward may start or end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.autograd.graph import GradientEdge

from nbviz.errors import NbvizError
from nbviz.model.layers import Layer
from nbviz.passes.reach import backward


@dataclass(frozen=True)
class Activation:
    """Output of a layer as it was put out, before any later operation overwrote it."""

    layer: Layer
    activation: torch.Tensor
    """Detached."""
    edge: GradientEdge | None
    """Its place in autograd's graph; None where nothing differentiable leads to it."""
    check_constant: Callable[[torch.Tensor, str], None]
    """Raises :class:`Refused` unless the score is the same for any picture; see ``Subject.check_constant``."""
    shared: bool = False
    """True if other targets still need the graph."""

    @property
    def maps(self) -> torch.Tensor:
        """Activation as (N, C, h, w); a vector has 1 × 1 maps."""
        return self.read(self.activation)

    def read(self, tensor: torch.Tensor) -> torch.Tensor:
        """Read a tensor shaped as the activation, such as its gradient, as (N, C, h, w)."""
        layout = self.layer.layout
        if layout is None:
            raise NbvizError(f"Layer '{self.layer.name}' puts out nothing that can be read as maps.")
        return layout.maps(tensor)

    def gradient(self, scores: torch.Tensor, retain: bool = False) -> torch.Tensor:
        """Return ∂ Σ scores/∂ activation as (N, C, h, w), prefix tokens left out; see :meth:`slope`."""
        return self.read(self.slope(scores, retain))

    def slope(self, scores: torch.Tensor, retain: bool = False) -> torch.Tensor:
        """Return ∂ Σ scores/∂ activation in the activation's own shape.

        Raises :class:`Refused` where no gradient leads here; of a score that is the same for any picture it is zero.
        """
        gradient = None
        # without an edge the output hangs on nothing that is differentiated, a leaf or a detached one
        if self.edge is not None:
            (gradient,) = backward(scores, [self.edge], retain or self.shared)
        # zero is right where no picture changes the score, and a lie where the network cuts its graph
        if gradient is None:
            self.check_constant(scores, f"layer '{self.layer.name}'")
            gradient = torch.zeros_like(self.activation)
        return gradient
