"""Rankings of pieces of a data set, channel by channel; merged in any order they come to the same."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from nbviz.dataset.index.ranking import merged

MAX_REASONS = 20
Known = dict[str, torch.Tensor]


@dataclass
class PartialIndex:
    """Rankings of some pieces of a data set; two of them merge into one."""

    pieces: tuple[int, ...]
    tensors: dict[str, torch.Tensor]
    """``"layer/top/values"`` … on the CPU."""
    problems: dict[int, str] = field(default_factory=dict)
    """The first items left out, and why."""
    left_out: int = 0
    seen: int = 0

    def known(self, before: Known) -> Known:
        """Values a rank, at least, of all pieces so far: what stays under them enters no ranking any more."""
        ours = {key: t for key, t in self.tensors.items() if key.endswith(("/top/values", "/bottom/values"))}
        return {key: torch.maximum(t, before[key]) if key in before else t for key, t in ours.items()}

    def merge(self, other: PartialIndex) -> PartialIndex:
        """Both together; the same whatever the order."""
        made: dict[str, torch.Tensor] = {}
        for key in self.tensors:
            stem, _, last = key.rpartition("/")
            if last == "values" and not stem.endswith("/sample"):
                pair = (
                    {n: part.tensors[f"{stem}/{n}"] for n in ("values", "items", "places", "labels")}
                    for part in (self, other)
                )
                made.update({f"{stem}/{name}": value for name, value in merged(*pair).items()})
            elif last == "values":
                # an item is in one piece only; elsewhere its column is -∞
                mine = self.tensors[key] > other.tensors[key]
                for name in ("values", "places"):
                    one, two = self.tensors[f"{stem}/{name}"], other.tensors[f"{stem}/{name}"]
                    made[f"{stem}/{name}"] = torch.where(mine, one, two)
        problems = dict(sorted({**self.problems, **other.problems}.items())[:MAX_REASONS])
        pieces = tuple(sorted(self.pieces + other.pieces))
        return PartialIndex(pieces, made, problems, self.left_out + other.left_out, self.seen + other.seen)
