"""Neuron: a channel of a layer as the scalar that is explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from nbviz.errors import NbvizError
from nbviz.model.layers import Layer

Place = str | Sequence[int] | None
"""``"mean"``, ``"max"``, or (row, column) in the layer's grid of places."""


@dataclass(frozen=True)
class Neuron:
    """Channel of a layer, over all its places or at one."""

    layer: str
    channel: int
    place: str | tuple[int, int] = "mean"

    @classmethod
    def of(cls, layer: str, channel: int, place: Place = "mean") -> Neuron:
        """Make one, checked as far as can be without a network."""
        if isinstance(channel, bool) or not hasattr(channel, "__index__"):
            raise NbvizError(f"A channel is a number from 0 on, not {channel!r}.")
        if place is None or place in ("mean", "max"):
            return cls(str(layer), int(channel), place or "mean")
        if isinstance(place, str) or len(place) != 2 or not all(hasattr(part, "__index__") for part in place):
            raise NbvizError(f"A channel's place is 'mean', 'max' or (row, column) of its layer's grid, not {place!r}.")
        return cls(str(layer), int(channel), (int(place[0]), int(place[1])))

    def check(self, layer: Layer) -> None:
        """Raise NbvizError where the layer has no such channel or place."""
        if not 0 <= self.channel < (layer.channels or 0):
            raise NbvizError(
                f"Layer '{self.layer}' has {layer.channels or 0} channels; there is no channel {self.channel}."
            )
        if isinstance(self.place, tuple):
            places = layer.places or (1, 1)
            if not all(0 <= at < size for at, size in zip(self.place, places, strict=True)):
                raise NbvizError(
                    f"Layer '{self.layer}' has {places[0]} × {places[1]} places; there is none at {self.place}."
                )

    @property
    def words(self) -> str:
        """Neuron in a phrase: ``"channel 17 of layer4, its strongest place"``."""
        text = f"channel {self.channel} of {self.layer}"
        if isinstance(self.place, tuple):
            return f"{text} at row {self.place[0]}, column {self.place[1]}"
        return text if self.place == "mean" else f"{text} at its strongest place"

    def of_maps(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the scalar of each picture (N,) from the layer's output as maps (N, C, h, w)."""
        one = maps[:, self.channel]
        if isinstance(self.place, tuple):
            return one[:, self.place[0], self.place[1]]
        if self.place == "mean":
            return one.mean((1, 2))
        # the first maximum alone: amax would share its gradient among equal ones
        return one.flatten(1).max(1).values
