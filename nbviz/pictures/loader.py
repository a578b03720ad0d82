"""Loaders: the data set that a DataLoader reads, as numbered items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.data import DataLoader, default_collate, default_convert

from nbviz.pictures.columns import Numbered, image_and_label, truth_in


class Collated:
    """Data set of a loader whose own ``collate_fn`` makes tensors of pictures."""

    def __init__(self, dataset: Numbered, collate: Callable[[list[Any]], object]) -> None:
        self._dataset, self._collate = dataset, collate

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, number: int) -> object:
        item = self._dataset[number]
        image, label = image_and_label(item)
        if isinstance(image, torch.Tensor) and image.is_floating_point():
            return item
        # A batch of one: how the function joins several isn't known, and memory stays a picture's.
        collated = self._collate([item])
        tensors, own_label = image_and_label(collated)
        if not (isinstance(tensors, torch.Tensor) and tensors.is_floating_point()):
            return item
        known = own_label if label is None else label
        return tensors, truth_in(collated) if known is None else known


def collated(loader: DataLoader[Any]) -> Collated | None:
    """Return the items of a loader that has a ``collate_fn`` of its own; None where it is torch's."""
    # torch's own only stack what the data set gives already.
    if loader.collate_fn in (None, default_collate, default_convert):
        return None
    return Collated(loader.dataset, loader.collate_fn)
