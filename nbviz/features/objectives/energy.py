"""All that a layer says."""

from __future__ import annotations

from nbviz.features.objectives.base import Objective, objective


@objective
def energy(layer: str) -> Objective:
    """All that a layer says, as the mean square: what DeepDream raises."""
    return Objective(f"all of {layer}", (layer,), lambda says: says[layer].square().mean(), "energy", straight=False)
