"""A cell of an atlas: places that look alike to the layer, and what they speak for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from nbviz.dataset.atlas.build import Charted

Name = Callable[[int], str]


@dataclass(frozen=True, eq=False)
class Cell:
    """Places that look alike to the layer."""

    number: int
    row: int
    column: int
    """Its square on the map; row 0 is the top one."""
    count: int
    """Places in it."""
    direction: np.ndarray = field(repr=False)
    """float32 (C,): the mean of their activations."""
    index: int | None
    """The class it speaks for; None where nothing in it adds to any."""
    name: str | None
    share: float
    """Of all that its points add to classes, the part that goes to this one, 0…1."""
    labels: Counter[str] = field(repr=False)
    """Classes of its pictures in the data set → places; empty without labels."""


def cells_from(found: Charted, class_name: Name, label: Name) -> list[Cell]:
    """All cells, row by row. class_name: of a score; label: of a class of the data set."""
    tensors = found.tensors
    return [
        _cell(found, number, int(square), (tensors["cells"] == number).nonzero()[:, 0], class_name, label)
        for number, square in enumerate(tensors["squares"].tolist())
    ]


def _cell(found: Charted, number: int, square: int, rows: torch.Tensor, class_name: Name, label: Name) -> Cell:
    tensors = found.tensors
    index, share = _speaks_for(tensors["predicted"][rows], tensors["gains"][rows])
    labels = Counter(label(value) for value in tensors["labels"][rows].tolist() if value >= 0)
    row, column = divmod(square, found.side)
    name = None if index is None else class_name(index)
    direction = tensors["directions"][number].numpy()
    return Cell(number, row, column, len(rows), direction, index, name, share, labels)


def _speaks_for(predicted: torch.Tensor, gains: torch.Tensor) -> tuple[int | None, float]:
    classes, place = predicted.unique(return_inverse=True)
    sums = torch.zeros(len(classes), dtype=torch.float32, device="cpu").index_add_(0, place, gains.float())
    best = int(sums.argmax())
    if not sums[best] > 0:
        return None, 0.0
    return int(classes[best]), float(sums[best] / sums.clamp(min=0).sum())


def commonest(cells: torch.Tensor) -> torch.Tensor:
    """The commonest of the nearest points' cells; of equally common ones that of the nearest point."""
    counts = (cells[:, None] == cells[None, :]).sum(1)
    return cells[int(counts.argmax())]
