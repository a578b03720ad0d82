"""The mean square of a layer's output."""

from __future__ import annotations

from nbviz.features.objectives.base import Objective, objective


@objective
def energy(layer: str) -> Objective:
    """The mean square of a layer's output, which DeepDream raises."""
    return Objective(f"all of {layer}", (layer,), lambda says: says[layer].square().mean(), "energy", straight=False)
