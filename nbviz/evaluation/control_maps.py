"""Controls as maps, so that they can be judged as methods are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from nbviz.evaluation.controls import centre, edges, random_like


@dataclass(frozen=True, eq=False)
class ControlMap:
    """Map that knows nothing of the network."""

    values: torch.Tensor
    """(h, w), ≥ 0 for edges and centre."""
    size: tuple[int, int]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def evidence(self) -> torch.Tensor:
        """Return the heat as it is drawn."""
        return self.values

    def heat(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Return the map (H, W), interpolated."""
        size = self.size if size is None else size
        if tuple(size) == tuple(self.values.shape):
            return self.values
        return functional.interpolate(self.values[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]


def control(name: str, x: torch.Tensor, like: torch.Tensor | None = None, seed: int = 0) -> ControlMap:
    """Return a control: ``"edges"``, ``"centre"``, or ``"random"`` with the smoothness of ``like`` (h, w)."""
    size = (x.shape[2], x.shape[3])
    if name == "random":
        return ControlMap(random_like(edges(x) if like is None else like, seed), size)
    return ControlMap(edges(x) if name == "edges" else centre(size), size)
