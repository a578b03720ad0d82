"""Partial indexes: rankings of pieces of a data set, which give the same merged in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch

from nbviz.dataset.index.ranking import merged
from nbviz.dataset.shards.part import Part

Known = dict[str, torch.Tensor]


@dataclass
class PartialIndex(Part):
    """Rankings of some pieces of a data set: ``"layer/top/values"`` …"""

    def known(self, before: Known) -> Known:
        """Return values that each rank has reached at least, over all pieces so far."""
        # thresholds only: a piece need not keep what could not enter where the others stand
        ours = {key: t for key, t in self.tensors.items() if key.endswith(("/top/values", "/bottom/values"))}
        return {key: torch.maximum(t, before[key]) if key in before else t for key, t in ours.items()}

    def merge_tensors(self, other: Self) -> dict[str, torch.Tensor]:
        """Merge the rankings of both."""
        tensors: dict[str, torch.Tensor] = {}
        for key in self.tensors:
            stem, _, last = key.rpartition("/")
            if last == "values" and not stem.endswith("/sample"):
                pair = (
                    {n: part.tensors[f"{stem}/{n}"] for n in ("values", "items", "places", "labels")}
                    for part in (self, other)
                )
                tensors.update({f"{stem}/{name}": value for name, value in merged(*pair).items()})
            elif last == "values":
                # an item is in one piece only; elsewhere its column is -∞
                mine = self.tensors[key] > other.tensors[key]
                for name in ("values", "places"):
                    one, two = self.tensors[f"{stem}/{name}"], other.tensors[f"{stem}/{name}"]
                    tensors[f"{stem}/{name}"] = torch.where(mine, one, two)
        return tensors
