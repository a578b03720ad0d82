"""Objective of sameness with a layer's activation of another picture."""

from __future__ import annotations

from torch import Tensor

from nbviz.features.objectives.base import Objective, Says, objective, resized_like


@objective
def sameness(layer: str, reference: Tensor) -> Objective:
    """Return minus the relative squared distance to a layer's activation of another picture (C, h, w)."""

    def of(says: Says) -> Tensor:
        goal = resized_like(reference.to(says[layer]), says[layer])
        return -(says[layer] - goal).square().sum() / goal.square().sum().clamp(min=1e-12)

    return Objective(f"what {layer} says of the picture", (layer,), of, straight=False)
