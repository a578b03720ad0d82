"""Attribution: values, heat to draw, and the facts that say how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import functional

from nbviz.errors import NbvizError
from nbviz.model.boxes import Box, components


@dataclass(frozen=True, eq=False)
class Attribution:
    """Result of a method: raw values, heat to draw, and the facts that say how far to trust it."""

    values: torch.Tensor
    """Signed, raw, as the method defines it; on the CPU."""
    evidence: torch.Tensor
    """(h, w): what is drawn, at its own resolution; not normalised."""
    size: tuple[int, int]
    """(H, W) of the network's input."""
    facts: dict[str, Any] = field(default_factory=dict)
    done: float = 1.0
    """0…1; 1 is final."""
    progress: str = ""
    """How far it is, as text, e.g. "25 evaluations, of at most 200"."""
    signed: bool = False
    """True if ``heat`` has a sign, to be drawn around zero; else it is ≥ 0."""

    @property
    def interpolated(self) -> bool:
        """True if the heat is drawn smoothly from a coarser grid of places."""
        return tuple(self.evidence.shape) != self.size

    def heat(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """Return the heat (H, W), not normalised; ``size`` defaults to the network's input.

        A coarser grid is interpolated bilinearly (``align_corners=False``). Pixels are never smoothed: they are
        averaged to a smaller size and repeated to a larger one.
        """
        size = self.size if size is None else (size[0], size[1])
        evidence = self.evidence[None, None]
        if size == tuple(self.evidence.shape):
            return self.evidence
        if self.interpolated:
            return functional.interpolate(evidence, size=size, mode="bilinear", align_corners=False)[0, 0]
        smaller = size[0] < evidence.shape[2] and size[1] < evidence.shape[3]
        return functional.interpolate(evidence, size=size, mode="area" if smaller else "nearest-exact")[0, 0]

    def boxes(self, threshold: float = 0.5, largest: bool = True) -> tuple[Box, ...]:
        """Return boxes around the evidence, (top, left, bottom, right) in pixels of the network's input.

        threshold: share of the heat's maximum, above 0 to 1, from which on a pixel counts. Pixels that touch, corners
        included, are one part; largest: only the part with the most pixels, else all, by pixels. Evidence against
        the target counts for nothing; without any for it there is no box.
        """
        if not 0 < threshold <= 1:
            raise NbvizError(f"threshold is a share of the maximum, above 0 and at most 1, not {threshold!r}.")
        found = components(self.heat(), threshold)
        return tuple(found[:1] if largest else found)

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return sum(t.numel() * t.element_size() for t in (self.values, self.evidence))
