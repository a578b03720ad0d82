"""Objective of a neuron: a channel at one place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import SupportsIndex

from torch import Tensor

from nbviz.arguments import whole
from nbviz.errors import NbvizError
from nbviz.features.objectives.base import Objective, Says, channel_maps, objective


@objective
def neuron(layer: str, index: int, place: tuple[int, int] | None = None) -> Objective:
    """Return a channel at one place (row, column) of the layer's grid; left out, in the middle."""

    def of(says: Says) -> Tensor:
        maps = channel_maps(says, layer, index)
        row, column = place or (maps.shape[0] // 2, maps.shape[1] // 2)
        if not (0 <= row < maps.shape[0] and 0 <= column < maps.shape[1]):
            raise NbvizError(f"Layer '{layer}' has {maps.shape[0]} × {maps.shape[1]} places here, none at {place}.")
        return maps[row, column]

    place = None if place is None else _place(place)
    where = "middle" if place is None else f"{place[0]},{place[1]}"
    return Objective(f"channel {index} of {layer} at {where}", (layer,), of, f"{index}@{where}")


def _place(place: Iterable[SupportsIndex]) -> tuple[int, int]:
    numbers = [whole(number) for number in place] if hasattr(place, "__iter__") else []
    if len(numbers) != 2 or None in numbers:
        raise NbvizError(f"A place is (row, column), two whole numbers, not {place!r}.")
    return numbers[0], numbers[1]  # type: ignore[return-value]
