"""Objectives of made pictures: a channel, a neuron, a direction, a class; sums and differences of these.

One kind a file; importing this room registers them all. A kind of one's own: :func:`objective`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from nbviz.features.objectives.base import OBJECTIVES, Kind, Objective, objective
from nbviz.features.objectives.channel import channel
from nbviz.features.objectives.direction import direction
from nbviz.features.objectives.energy import energy
from nbviz.features.objectives.likeness import likeness
from nbviz.features.objectives.logit import logit
from nbviz.features.objectives.neuron import neuron
from nbviz.features.objectives.sameness import sameness

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "OBJECTIVES", "Kind", "Objective", "channel", "direction", "energy", "likeness", "logit", "neuron", "objective",
    "sameness",
]  # fmt: skip
