"""How a network's parts work together: what each channel does to a score, measured, and the way back through layers."""

from __future__ import annotations

from nbviz.circuits.circuit import Circuit, block_before, circuit
from nbviz.circuits.effects import Effects, channel_effects, measuring
from nbviz.circuits.node import Node
from nbviz.circuits.step import Step, step

__all__ = ["Circuit", "Effects", "Node", "Step", "block_before", "channel_effects", "circuit", "measuring", "step"]
