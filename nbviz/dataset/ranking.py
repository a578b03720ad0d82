"""The pictures that drive each channel of one layer most, kept as they pass: at most one place a picture.

The order is total: greater activation first, of equals the earlier item, in a picture the first place by rows. So
it doesn't matter how a data set was cut or in which order the pieces were merged. What a picture's places come to
is one fast reduction; the place itself is looked for only where the picture enters the first ``placed`` of the
ranking, which after a few batches is rare; an entry never climbs.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

FIELDS = ("values", "items", "places", "labels")
Fields = dict[str, torch.Tensor]
CHUNK = 1 << 24
"""Values looked through at once for places: bounds the memory of the first batches."""


def peaks_of(maps: torch.Tensor, sign: int) -> torch.Tensor:
    """The strongest place of each picture and channel: (N, C, h, w) → float32 (C, N); NaN where there is one.

    sign: 1 for the greatest value, -1 for the least, which then comes negated.
    """
    flat = maps.flatten(2)
    peaks = flat.amax(2) if sign > 0 else -flat.amin(2)
    # adding 0 makes -0 a 0: equals must look alike
    return peaks.float().T.contiguous() + 0.0


def places_of(maps: torch.Tensor, pictures: torch.Tensor, channels: torch.Tensor, sign: int) -> torch.Tensor:
    """Where the strongest place of these pictures' channels is, counted by rows: int32."""
    flat = maps.flatten(2)
    step = max(1, CHUNK // max(1, flat.shape[2]))
    found = []
    for start in range(0, len(pictures), step):
        chosen = flat[pictures[start : start + step], channels[start : start + step]]
        found.append((chosen if sign > 0 else -chosen).argmax(1))
    return torch.cat(found).int() if found else torch.zeros(0, dtype=torch.int32, device=maps.device)


class Ranking:
    """Running best ``depth`` pictures of each of a layer's channels."""

    def __init__(
        self, channels: int, depth: int, placed: int, sign: int = 1, device: torch.device | str = "cpu"
    ) -> None:
        self.sign = sign
        self.fields: Fields = empty(channels, depth, placed, device)

    def update(self, maps: torch.Tensor, peaks: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor) -> None:
        """Take in a batch of later items: maps (N, C, h, w), their :func:`peaks_of` (C, N), numbers and labels (N,)."""
        values = self.fields["values"]
        peaks = peaks.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf)
        # an equal later item never displaces an earlier one
        rows = (peaks > values[:, -1:]).any(1).nonzero()[:, 0]
        if len(rows):
            self._enter(rows, maps, peaks[rows], numbers, labels)

    def _enter(
        self, rows: torch.Tensor, maps: torch.Tensor, peaks: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor
    ) -> None:
        depth, placed = self.fields["values"].shape[1], self.fields["places"].shape[1]
        both = torch.cat([self.fields["values"][rows], peaks], 1)
        values, order = both.sort(dim=1, descending=True, stable=True)
        values, order = values[:, :depth], order[:, :depth]
        new = (order >= depth) & (values > -torch.inf)
        picture = order[new] - depth
        for name, came in (("items", numbers), ("labels", labels)):
            kept = self.fields[name][rows].gather(1, order.clamp(max=depth - 1))
            kept[new] = came[picture].to(kept)
            self.fields[name][rows] = kept
        self.fields["values"][rows] = values
        order, new = order[:, :placed], new[:, :placed]
        kept = self.fields["places"][rows].gather(1, order.clamp(max=placed - 1))
        kept[new] = places_of(maps, order[new] - depth, rows[new.nonzero()[:, 0]], self.sign)
        self.fields["places"][rows] = kept


def empty(channels: int, depth: int, placed: int, device: torch.device | str = "cpu") -> Fields:
    """A ranking with nothing in it: values -∞, items and labels -1."""
    return {
        "values": torch.full((channels, depth), -torch.inf, device=device),
        "items": torch.full((channels, depth), -1, dtype=torch.int64, device=device),
        "places": torch.zeros((channels, placed), dtype=torch.int32, device=device),
        "labels": torch.full((channels, depth), -1, dtype=torch.int32, device=device),
    }


def merged(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> Fields:
    """The best of two rankings of different items, in the total order."""
    depth, placed = one["values"].shape[1], one["places"].shape[1]
    one, other = (
        {**part, "places": functional.pad(part["places"], (0, depth - placed))} for part in (one, other)
    )
    both = {name: torch.cat([one[name], other[name]], 1) for name in FIELDS}
    early = both["items"].argsort(dim=1, stable=True)
    best = both["values"].gather(1, early).argsort(dim=1, descending=True, stable=True)
    order = early.gather(1, best)[:, :depth]
    made = {name: field.gather(1, order) for name, field in both.items()}
    return {**made, "places": made["places"][:, :placed]}
