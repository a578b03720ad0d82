"""Running ranking of the pictures that drive each of many channels most: at most one place a picture.

The order is total: greater activation first, of equals the earlier item, in a picture the first place by rows. So
it doesn't matter how a data set was cut or in which order the pieces were merged. What a picture's places come to
is one fast reduction; the place itself is looked for only where the picture may enter the first ``placed`` of the
ranking, which after a few batches is rare. There it is inserted at once; the ranks below, of which only the class
counts, wait until many pictures have passed and are sorted together.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from nbviz.dataset.index.peaks import flat_nonzero

FIELDS = ("values", "items", "places", "labels")
Fields = dict[str, torch.Tensor]
WAITING = 256
"""Pictures that wait to be sorted into the deeper ranks."""
SORTED = 256
"""Channels sorted at once: they stay in a core's cache."""
PLACE_BITS = 31
LAST_PLACE = (1 << PLACE_BITS) - 1
LAST_ITEM = (1 << 32) - 2
NOTHING = (-0x7F80_0001 << 32) | 0xFFFF_FFFF
"""The key of -∞ and no item."""


class Ranking:
    """Best ``depth`` pictures of each channel so far, the first ``placed`` of them with their places."""

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
        self.entry = torch.full((channels,), -torch.inf, dtype=torch.float32, device=device)
        """Threshold above which a picture enters with a place: (channels,)."""
        if known is not None:  # what equals its last may still be an earlier item
            self.entry = known[:, placed - 1].to(device).nextafter(self.entry)
        self._values = torch.full((channels, placed), -torch.inf, dtype=torch.float32, device=device)
        self._codes = torch.full((channels, placed), -1, dtype=torch.int64, device=device)
        """Item and place in one number."""
        self._far = torch.full((channels, depth), NOTHING, device=device) if depth > placed else None
        """Keys (channels, depth), greatest first."""
        self._waiting: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._ranks = torch.arange(placed, device=device)

    @property
    def fields(self) -> Fields:
        """Return values, items, labels (channels, depth), places (channels, placed), best first; -∞ and -1: none."""
        places = (self._codes & LAST_PLACE).masked_fill_(self._codes < 0, 0).int()
        if self._far is None:
            values, items = self._values + 0.0, self._codes >> PLACE_BITS  # -0 becomes 0: equals must look alike
        else:
            self._settle(self._far)
            values, items = unpacked(self._far)
        return {"values": values, "items": items, "places": places, "labels": self._labels_of(items)}

    def _labels_of(self, items: torch.Tensor) -> torch.Tensor:
        if not self._seen:
            return torch.full_like(items, -1, dtype=torch.int32)
        numbers, labels = (torch.cat(parts).to(items.device) for parts in zip(*self._seen, strict=True))
        return labels_of(items, numbers, labels.int())

    def candidates(self, peaks: torch.Tensor, entry: torch.Tensor) -> torch.Tensor:
        """Return which pictures of a batch may enter with a place: peaks (N, C), entry (C,) → bool (N, C).

        NaN never does.
        """
        placed = len(self._ranks)
        may = peaks > entry
        # of the first batches nearly all pass: all but the best of them would be inserted and pushed out again
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
            self._waiting.append((peaks, numbers))
            if sum(len(part) for part, _ in self._waiting) >= WAITING:
                self._settle(self._far)

    def _insert(self, rows: torch.Tensor, values: torch.Tensor, codes: torch.Tensor) -> None:
        """Insert one picture's peaks in some channels (R,); an equal later item never displaces an earlier one."""
        # pictures of the same batch that came before may have raised the bar
        still = flat_nonzero(values > self.entry.index_select(0, rows))
        if len(still) < len(rows):
            rows, values, codes = (part.index_select(0, still) for part in (rows, values, codes))
        if not len(rows):
            return
        values, codes = values[:, None], codes[:, None]
        old = self._values.index_select(0, rows)
        # at most as many as it has ranks, and equal ones before it: the earlier item keeps its rank
        rank = (old >= values).sum(1, keepdim=True)
        source = self._ranks - (self._ranks > rank).long()
        new = old.gather(1, source).scatter_(1, rank, values)
        self._values.index_copy_(0, rows, new)
        self._codes.index_copy_(0, rows, self._codes.index_select(0, rows).gather(1, source).scatter_(1, rank, codes))
        self.entry.index_copy_(0, rows, torch.maximum(new[:, -1], self.entry.index_select(0, rows)))

    def _settle(self, far: torch.Tensor) -> None:
        """Sort those that wait into the deeper ranks."""
        if not self._waiting:
            return
        peaks, numbers = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        depth, numbers = far.shape[1], numbers.to(far.device)
        for part, values in zip(far.split(SORTED), peaks.split(SORTED, 1), strict=True):
            # -∞ is nothing, whatever item it came from: two pieces' empty ranks must be equal
            came = packed(values.T, numbers).masked_fill_(values.T == -torch.inf, NOTHING)
            part.copy_(sorted_keys(torch.cat([part, came], 1))[:, :depth])


def packed(values: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """Pack a float32 value and an item in one whole number: greater for the greater, of equals for the earlier.

    Item -1 is none. -0 counts as 0.
    """
    bits = (values + 0.0).contiguous().view(torch.int32)
    rising = bits ^ ((bits >> 31) & 0x7FFFFFFF)  # a negative float's bits grow as it falls
    return (rising.long() << 32) | (LAST_ITEM - items.long())


def unpacked(keys: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values, float32, and items of :func:`packed`."""
    rising = (keys >> 32).int()
    bits = rising ^ ((rising >> 31) & 0x7FFFFFFF)
    return bits.view(torch.float32), LAST_ITEM - (keys & 0xFFFFFFFF)


def sorted_keys(keys: torch.Tensor) -> torch.Tensor:
    """Sort each row, the greatest first."""
    if keys.device.type == "cpu":  # numpy sorts whole numbers ten times as fast
        return torch.from_numpy(np.sort(keys.numpy(), 1)).flip(1)
    return keys.sort(1, descending=True).values


def labels_of(items: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the labels of items, out of all numbers (n,) with theirs: int32; -1 for none."""
    first = int(numbers.min())
    table = torch.full((int(numbers.max()) - first + 1,), -1, dtype=torch.int32, device=items.device)
    table[numbers - first] = labels
    return torch.where(items < 0, -1, table[(items - first).clamp(min=0)])


def merged(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> Fields:
    """Merge two rankings of different items, in the total order."""
    depth, placed = one["values"].shape[1], one["places"].shape[1]
    items = torch.cat([one["items"], other["items"]], 1)
    keys = packed(torch.cat([one["values"], other["values"]], 1), items)
    values, best = unpacked(sorted_keys(keys)[:, :depth])
    # places are known of the first ranks alone, so these are merged by themselves
    near = torch.cat([keys[:, :placed], keys[:, depth : depth + placed]], 1).argsort(dim=1, descending=True)
    places = torch.cat([one["places"], other["places"]], 1).gather(1, near[:, :placed])
    labels = torch.cat([one["labels"], other["labels"]], 1).flatten()
    return {"values": values, "items": best, "places": places, "labels": labels_of(best, items.flatten(), labels)}
