"""The pictures that drive each of many channels most, kept as they pass: at most one place a picture.

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
from torch.nn import functional

FIELDS = ("values", "items", "places", "labels")
Fields = dict[str, torch.Tensor]
CHUNK = 1 << 17
"""Values copied at once to be looked through: they stay in a core's cache."""
LARGE = 2048
"""Places from which a map is looked through where it lies."""
WAITING = 256
"""Pictures that wait to be sorted into the deeper ranks."""


def peaks_of(maps: torch.Tensor, sign: int) -> torch.Tensor:
    """The strongest place of each picture and channel: (N, C, h, w) → float32 (N, C); NaN where there is one.

    sign: 1 for the greatest value, -1 for the least, which then comes negated.
    """
    flat = maps.flatten(2)
    return flat.amax(2).float() if sign > 0 else -flat.amin(2).float()


def places_of(maps: torch.Tensor, pictures: torch.Tensor, channels: torch.Tensor, sign: int) -> torch.Tensor:
    """Where the strongest place of these pictures' channels is, counted by rows: int32."""
    flat = maps.flatten(2)
    if flat.shape[2] == 1:
        return torch.zeros(len(pictures), dtype=torch.int32, device=maps.device)
    if maps.device.type == "cpu" and flat.is_contiguous() and flat.shape[2] >= LARGE and flat.dtype != torch.bfloat16:
        rows = flat.view(-1, flat.shape[2]).numpy()
        find = np.argmax if sign > 0 else np.argmin
        wanted = (pictures * flat.shape[1] + channels).tolist()
        return torch.tensor([find(rows[row]) for row in wanted], dtype=torch.int32)
    step = max(1, CHUNK // flat.shape[2]) if maps.device.type == "cpu" else len(pictures)
    found = [
        _first_peak(_rows(flat, pictures[start : start + step], channels[start : start + step]), sign)
        for start in range(0, len(pictures), max(1, step))
    ]
    return torch.cat(found).int() if found else torch.zeros(0, dtype=torch.int32, device=maps.device)


def _rows(flat: torch.Tensor, pictures: torch.Tensor, channels: torch.Tensor) -> torch.Tensor:
    if flat.is_contiguous():  # whole rows are copied several times faster than element by element
        return flat.view(-1, flat.shape[2]).index_select(0, pictures * flat.shape[1] + channels)
    return flat[pictures, channels]


def _first_peak(rows: torch.Tensor, sign: int) -> torch.Tensor:
    if rows.device.type == "cpu":  # numpy's is vectorised, torch's is not
        numbers = rows.float().numpy() if rows.dtype == torch.bfloat16 else rows.numpy()
        return torch.from_numpy(np.argmax(numbers, 1) if sign > 0 else np.argmin(numbers, 1))
    return rows.argmax(1) if sign > 0 else rows.argmin(1)


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
        self._below_near, self._below_far = below
        self._near = empty(channels, placed, placed, device)
        self._far = empty(channels, depth, 0, device) if depth > placed else None
        self._waiting: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
        self._ranks = torch.arange(placed, device=device)

    @property
    def fields(self) -> Fields:
        """All of it, as :func:`empty` describes."""
        if self._far is None:
            return {**self._near, "values": self._near["values"] + 0.0}  # -0 becomes 0: equals must look alike
        self._settle(self._far)
        return {**self._far, "values": self._far["values"] + 0.0, "places": self._near["places"]}

    def candidates(self, peaks: torch.Tensor, channels: slice) -> torch.Tensor:
        """Which pictures of a batch may enter with a place: :func:`peaks_of` some channels (N, C) → bool (N, C)."""
        placed = len(self._ranks)
        may = peaks > torch.maximum(self._near["values"][channels, -1], self._below_near[channels])
        if len(peaks) > placed and may.count_nonzero() > placed * peaks.shape[1]:  # no more than so many of one batch
            may &= peaks >= peaks.topk(placed, dim=0).values[-1]
        return may

    def update(self, peaks: torch.Tensor, places: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor) -> None:
        """Take in a batch of later items: peaks (N, C), without NaN, places where they are candidates (N, C).

        numbers, labels: (N,).
        """
        for row in range(len(peaks)):
            self._insert(peaks[row], places[row], int(numbers[row]), int(labels[row]))
        if self._far is not None:
            self._waiting.append((peaks, numbers, labels))
            if sum(len(part) for part, *_ in self._waiting) >= WAITING:
                self._settle(self._far)

    def _insert(self, peaks: torch.Tensor, places: torch.Tensor, number: int, label: int) -> None:
        near = self._near
        # an equal later item never displaces an earlier one
        rows = (peaks > torch.maximum(near["values"][:, -1], self._below_near)).nonzero()[:, 0]
        if not len(rows):
            return
        old, new = near["values"].index_select(0, rows), peaks.index_select(0, rows)[:, None]
        rank = (old >= new).sum(1, keepdim=True)
        source = self._ranks - (self._ranks > rank).long()
        place = places.index_select(0, rows)[:, None]
        for name, came in (("values", new), ("places", place), ("items", number), ("labels", label)):
            kept = old if name == "values" else near[name].index_select(0, rows)
            near[name].index_copy_(0, rows, kept.gather(1, source).scatter_(1, rank, came))

    def _settle(self, far: Fields) -> None:
        """Sort those that wait into the deeper ranks."""
        if not self._waiting:
            return
        peaks, numbers, labels = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
        self._waiting.clear()
        depth = far["values"].shape[1]
        rows = (peaks > torch.maximum(far["values"][:, -1], self._below_far)).any(0).nonzero()[:, 0]
        for part in rows.split(max(1, 32 * CHUNK // (depth + len(peaks)))):
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
