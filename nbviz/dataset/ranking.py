"""The pictures that drive each of many channels most, kept as they pass: at most one place a picture.

The order is total: greater activation first, of equals the earlier item, in a picture the first place by rows. So
it doesn't matter how a data set was cut or in which order the pieces were merged. What a picture's places come to
is one fast reduction; the place itself is looked for only where the picture may enter the first ``placed`` of the
ranking, which after a few batches is rare. There it is inserted at once; the ranks below, of which only the class
counts, wait until many pictures have passed and are sorted together.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from nbviz.dataset.peaks import flat_nonzero

FIELDS = ("values", "items", "places", "labels")
Fields = dict[str, torch.Tensor]
WAITING = 256
"""Pictures that wait to be sorted into the deeper ranks."""
SORTED = 1 << 22
"""Values sorted at once."""
PLACE_BITS = 31
LAST_PLACE = (1 << PLACE_BITS) - 1


class Ranking:
    """Running best ``depth`` pictures of each channel, the first ``placed`` of them with their places."""

    def __init__(
        self,
        channels: int,
        depth: int,
        placed: int,
        sign: int = 1,
        device: torch.device | str = "cpu",
        known: torch.Tensor | None = None,
    ) -> None:
        """known: values (channels, depth) of other pictures; what could not enter there need not be kept here."""
        self.sign = sign
        below = torch.full((2, channels), -torch.inf, device=device)
        if known is not None:  # what equals its last may still be an earlier item
            below = torch.stack([known[:, at - 1] for at in (placed, depth)]).to(device)
            below = below.nextafter(torch.full_like(below, -torch.inf))
        self.entry, self._below = below
        """What a picture must be above to enter with a place: (channels,)."""
        self._values = torch.full((channels, placed), -torch.inf, device=device)
        self._codes = torch.full((channels, placed), -1, dtype=torch.int64, device=device)
        """Item and place in one number."""
        self._far = empty(channels, depth, 0, device) if depth > placed else None
        self._waiting: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._ranks = torch.arange(placed, device=device)

    @property
    def fields(self) -> Fields:
        """All of it, as :func:`empty` describes."""
        places = (self._codes & LAST_PLACE).masked_fill_(self._codes < 0, 0).int()
        if self._far is not None:
            self._settle(self._far)
            return {**self._far, "values": self._far["values"] + 0.0, "places": places}
        items = self._codes >> PLACE_BITS
        values = self._values + 0.0  # -0 becomes 0: equals must look alike
        return {"values": values, "items": items, "places": places, "labels": self._labels_of(items)}

    def _labels_of(self, items: torch.Tensor) -> torch.Tensor:
        if not self._seen:
            return torch.full_like(items, -1, dtype=torch.int32)
        numbers, labels = (torch.cat(parts).to(items.device) for parts in zip(*self._seen, strict=True))
        numbers, order = numbers.sort()
        found = torch.searchsorted(numbers, items.clamp(min=0)).clamp(max=len(numbers) - 1)
        return labels[order][found].masked_fill_(items < 0, -1).int()

    def candidates(self, peaks: torch.Tensor, entry: torch.Tensor) -> torch.Tensor:
        """Which pictures of a batch may enter with a place: peaks (N, C), entry (C,) → bool (N, C).

        NaN never does.
        """
        placed = len(self._ranks)
        may = peaks > entry
        if len(peaks) > placed and may.count_nonzero() > placed * peaks.shape[1]:  # no more than so many of one batch
            may &= peaks >= peaks.nan_to_num(nan=-torch.inf).topk(placed, dim=0).values[-1]
        return may

    def update(self, peaks: torch.Tensor, places: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor) -> None:
        """Take in a batch of later items: peaks (N, C), without NaN, places where they are candidates (N, C).

        numbers, labels: (N,).
        """
        may = peaks > self.entry
        for row, number in enumerate(numbers.tolist()):
            channels = flat_nonzero(may[row])
            codes = places[row].index_select(0, channels).long() + (number << PLACE_BITS)
            self._insert(channels, peaks[row].index_select(0, channels), codes)
        self._seen.append((numbers, labels))
        if self._far is not None:
            self._waiting.append((peaks, numbers, labels))
            if sum(len(part) for part, *_ in self._waiting) >= WAITING:
                self._settle(self._far)

    def _insert(self, rows: torch.Tensor, values: torch.Tensor, codes: torch.Tensor) -> None:
        """One picture's peaks in some channels (R,); an equal later item never displaces an earlier one."""
        still = flat_nonzero(values > self.entry.index_select(0, rows))
        if len(still) < len(rows):
            rows, values, codes = (part.index_select(0, still) for part in (rows, values, codes))
        if not len(rows):
            return
        values, codes = values[:, None], codes[:, None]
        old = self._values.index_select(0, rows)
        rank = (old >= values).sum(1, keepdim=True)
        source = self._ranks - (self._ranks > rank).long()
        new = old.gather(1, source).scatter_(1, rank, values)
        self._values.index_copy_(0, rows, new)
        self._codes.index_copy_(0, rows, self._codes.index_select(0, rows).gather(1, source).scatter_(1, rank, codes))
        self.entry.index_copy_(0, rows, torch.maximum(new[:, -1], self.entry.index_select(0, rows)))

    def _settle(self, far: Fields) -> None:
        """Sort those that wait into the deeper ranks."""
        if not self._waiting:
            return
        peaks, numbers, labels = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        depth = far["values"].shape[1]
        rows = (peaks > torch.maximum(far["values"][:, -1], self._below)).any(0).nonzero()[:, 0]
        for part in rows.split(max(1, SORTED // (depth + len(peaks)))):
            both = torch.cat([far["values"][part], peaks[:, part].T], 1)
            values, order = both.sort(dim=1, descending=True, stable=True)
            values, order = values[:, :depth], order[:, :depth]
            new = (order >= depth) & (values > -torch.inf)
            for name, came in (("items", numbers), ("labels", labels)):
                kept = far[name][part].gather(1, order.clamp(max=depth - 1))
                kept[new] = came[order[new] - depth].to(kept)
                far[name][part] = kept
            far["values"][part] = values


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
    if _after(other["items"], one["items"]):  # as pieces mostly come: one sorting instead of two
        order = both["values"].argsort(dim=1, descending=True, stable=True)[:, :depth]
    else:
        early = both["items"].argsort(dim=1, stable=True)
        best = both["values"].gather(1, early).argsort(dim=1, descending=True, stable=True)
        order = early.gather(1, best)[:, :depth]
    made = {name: field.gather(1, order) for name, field in both.items()}
    return {**made, "places": made["places"][:, :placed]}


def _after(items: torch.Tensor, others: torch.Tensor) -> bool:
    real = items[items >= 0]
    return not len(real) or int(real.min()) > int(others.max())
