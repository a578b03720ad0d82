"""Circuits: the measured effect of each channel on a score, and the way back from a class through the layers."""

from __future__ import annotations

from nbviz.circuits.circuit import Circuit, block_before, circuit
from nbviz.circuits.effects import Effects, channel_effects, measuring
from nbviz.circuits.heads import head_layers, head_step
from nbviz.circuits.need import Need, class_need, needing
from nbviz.circuits.node import Node
from nbviz.circuits.over_pictures import ClassEffects, class_effects, over_pictures
from nbviz.circuits.step import Step, step

__all__ = [
    "Circuit", "ClassEffects", "Effects", "Need", "Node", "Step", "block_before", "channel_effects", "circuit",
    "class_effects", "class_need", "head_layers", "head_step", "measuring", "needing", "over_pictures", "step",
]  # fmt: skip
