"""Objective of a layer's energy: the mean square of its output."""

from __future__ import annotations

from nbviz.features.objectives.base import Objective, objective


@objective
def energy(layer: str) -> Objective:
    """Return the mean square of a layer's output, which DeepDream raises."""
    return Objective(f"all of {layer}", (layer,), lambda says: says[layer].square().mean(), "energy", straight=False)
