"""Objective of likeness to a layer's activation of another picture."""

from __future__ import annotations

from torch import Tensor

from nbviz.features.objectives.base import Objective, Says, objective, resized_like


@objective
def likeness(layer: str, reference: Tensor, power: float = 2.0) -> Objective:
    """Return the dot product with a layer's activation of another picture (C, h, w), times cosine^power."""

    def of(says: Says) -> Tensor:
        goal = resized_like(reference.to(says[layer]), says[layer])
        dot = (says[layer] * goal).sum(0)
        cosine = dot / (says[layer].norm(dim=0) * goal.norm(dim=0)).clamp(min=1e-6)
        # ends at .1, as a direction's: at noise the cosine is near 0, and the pull must not vanish with it
        return (dot * cosine.clamp(min=0.1) ** power).mean()

    return Objective(f"what {layer} says of the picture, more", (layer,), of, straight=False)
