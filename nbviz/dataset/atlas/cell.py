"""Cells of an atlas: places that look alike to the layer, and what they speak for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from nbviz.dataset.atlas.build import Charted
from nbviz.dataset.atlas.layout import Axes

Name = Callable[[int], str]
NEAREST = 5
"""Points that decide on which cell an activation lies."""


@dataclass(frozen=True, eq=False)
class Cell:
    """Square of the grid: places that look alike to the layer."""

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


def cells_from(chart: Charted, class_name: Name, label: Name) -> list[Cell]:
    """Return all cells, row by row. class_name: of a score; label: of a class of the data set."""
    tensors = chart.tensors
    return [
        _cell(chart, number, int(square), (tensors["cells"] == number).nonzero()[:, 0], class_name, label)
        for number, square in enumerate(tensors["squares"].tolist())
    ]


def _cell(chart: Charted, number: int, square: int, rows: torch.Tensor, class_name: Name, label: Name) -> Cell:
    tensors = chart.tensors
    index, share = _speaks_for(tensors["predicted"][rows], tensors["gains"][rows])
    labels = Counter(label(value) for value in tensors["labels"][rows].tolist() if value >= 0)
    row, column = divmod(square, chart.side)
    name = None if index is None else class_name(index)
    direction = tensors["directions"][number].numpy()
    return Cell(number, row, column, len(rows), direction, index, name, share, labels)


def _speaks_for(predicted: torch.Tensor, gains: torch.Tensor) -> tuple[int | None, float]:
    classes, place = predicted.unique(return_inverse=True)
    sums = torch.zeros(len(classes), dtype=torch.float32, device="cpu").index_add_(0, place, gains.float())
    best = int(sums.argmax())
    # not <=: NaN speaks for no class either
    if not sums[best] > 0:
        return None, 0.0
    return int(classes[best]), float(sums[best] / sums.clamp(min=0).sum())


def cells_at(tensors: Mapping[str, torch.Tensor], activation: np.ndarray) -> np.ndarray:
    """Find the cell of each place of an activation (C, h, w): int (h, w), −1 for places without a direction."""
    channels, height, width = activation.shape
    flat = activation.reshape(channels, -1).T
    axes = Axes(tensors["centre"].numpy(), tensors["basis"].numpy())
    distance = torch.cdist(torch.from_numpy(axes(flat)), tensors["reduced"])
    nearest = tensors["cells"][distance.topk(min(NEAREST, len(tensors["cells"])), largest=False, sorted=True).indices]
    cells = torch.stack([commonest(row) for row in nearest])
    cells[torch.from_numpy(~np.isfinite(flat).all(1) | ~flat.any(1))] = -1
    return cells.view(height, width).numpy()


def commonest(cells: torch.Tensor) -> torch.Tensor:
    """Return the commonest of the nearest points' cells; of equally common ones that of the nearest point."""
    # argmax takes the first of equals, and the nearest point stands first
    counts = (cells[:, None] == cells[None, :]).sum(1)
    return cells[int(counts.argmax())]
