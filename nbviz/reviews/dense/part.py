"""Part of a review whose pictures have several rows each: tables of tensors, each by its own item numbers.

A tensor ``name`` has one row per picture, as ``items`` has; a tensor ``table_name`` one per row of that table, whose
items are in ``table_items``. All tables are ascending by item.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from nbviz.dataset.shards import Part, Problems


def index_of(name: str, tensors: dict[str, Tensor]) -> str:
    """Return the name of the tensor that says which items a tensor's rows are of."""
    own = f"{name.partition('_')[0]}_items"
    return own if own in tensors else "items"


@dataclass
class DensePart(Part):
    """Records of some pieces of a data set, in several tables."""

    def merge_tensors(self, other: Self) -> dict[str, Tensor]:
        """Merge the rows of both, in the order of their items."""
        both = {name: torch.cat([tensor, other.tensors[name]]) for name, tensor in self.tensors.items()}
        # stable: a picture's rows keep their order, of boxes the surest first
        orders = {name: both[name].argsort(stable=True) for name in both if name.endswith("items")}
        return {name: tensor[orders[index_of(name, both)]] for name, tensor in both.items()}


def together(piece: int, rows: list[dict[str, Tensor]], problems: Problems) -> DensePart:
    """Return the records of one piece in one part."""
    tensors = {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    return DensePart((piece,), tensors, problems.reasons, problems.count, len(tensors["items"]))
