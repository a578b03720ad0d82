"""The strongest place of each picture and channel in a layer's maps, looked up or inferred.

Most of a network's maps need no look. Clamping (a ReLU, a ReLU6) and a norm's fixed scale and shift never change the
order of two values, so the strongest place of what they put out is what they make of the strongest they were given:
the same operation, by the same kernel, on the peaks alone. It is exact, and checked against the maps of the first
batch wherever it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CHUNK = 1 << 17
"""Values copied at once to be looked through: they stay in a core's cache."""
LARGE = 512
"""Places from which a map's strongest is found as fast as how strong it is."""


@dataclass
class Peaks:
    """Peaks of a batch, the strongest place of each picture and channel (N, C)."""

    values: torch.Tensor
    """float32: the greatest value, or the least one negated; NaN where there is one."""
    places: torch.Tensor | None = None
    """int32, counted by rows; None: not one is known."""
    known: torch.Tensor | None = None
    """bool: where ``places`` says something; None: wherever there are places."""

    @classmethod
    def of(cls, maps: torch.Tensor, sign: int) -> Peaks:
        """Find the peaks of maps (N, C, h, w), with the places where they cost nothing.

        sign: 1 for the greatest value, -1 for the least, which then comes negated.
        """
        flat = maps.flatten(2)
        if flat.shape[2] == 1:
            values = flat[:, :, 0].float()
            return cls(values if sign > 0 else -values, torch.zeros_like(values, dtype=torch.int32))
        # numpy finds the place as fast as torch the value; on small maps its call costs more than the search
        if flat.shape[2] >= LARGE and _numpys(flat):
            rows = flat.view(-1, flat.shape[2]).numpy()
            places = np.argmax(rows, 1) if sign > 0 else np.argmin(rows, 1)
            values = torch.from_numpy(rows[np.arange(len(rows)), places]).view(flat.shape[:2]).float()
            return cls(values if sign > 0 else -values, torch.from_numpy(places).view(flat.shape[:2]).int())
        return cls(flat.amax(2).float() if sign > 0 else -flat.amin(2).float())

    def locate(self, maps: torch.Tensor, needed: torch.Tensor, sign: int) -> torch.Tensor:
        """Return places (N, C), right wherever they are wanted: the unknown ones are looked for."""
        if self.places is not None and self.known is None:
            return self.places
        missing = needed if self.known is None else needed & ~self.known
        rows = flat_nonzero(missing)
        if self.places is None:
            self.places = torch.zeros_like(self.values, dtype=torch.int32)
        if len(rows):
            self.places.view(-1)[rows] = _places(maps, rows, sign)
        self.known = missing if self.known is None else self.known | missing
        return self.places


def flat_nonzero(mask: torch.Tensor) -> torch.Tensor:
    """Return where a mask is true, counted by rows: int64."""
    if mask.device.type == "cpu":  # torch's takes six times as long
        return torch.from_numpy(np.flatnonzero(mask.numpy()))
    return mask.flatten().nonzero()[:, 0]


def _numpys(flat: torch.Tensor) -> bool:
    """Return whether numpy, whose search is vectorised as torch's is not, can take the maps as they lie."""
    return flat.device.type == "cpu" and flat.is_contiguous() and flat.dtype in (torch.float32, torch.float64)


def _places(maps: torch.Tensor, rows: torch.Tensor, sign: int) -> torch.Tensor:
    """Find the strongest place, the first of equals, of some of the N · C maps: int32."""
    flat = maps.flatten(2)
    if flat.device.type != "cpu":
        chosen = flat[rows // flat.shape[1], rows % flat.shape[1]]
        return (chosen.argmax(1) if sign > 0 else chosen.argmin(1)).int()
    every = flat.view(-1, flat.shape[2]).numpy() if _numpys(flat) else None
    places, step = np.empty(len(rows), np.int32), max(1, CHUNK // flat.shape[2])
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        if every is not None:  # whole rows are copied several times faster than element by element
            some = every.take(part.numpy(), 0)
        else:
            some = flat[part // flat.shape[1], part % flat.shape[1]].float().numpy()
        places[start : start + step] = np.argmax(some, 1) if sign > 0 else np.argmin(some, 1)
    return torch.from_numpy(places)


class Rule(Protocol):
    """Rule by which the peaks of a module's output follow from those of its input."""

    def follow(self, given: Peaks, maps: torch.Tensor, sign: int) -> Peaks:
        """Return the output's peaks from the input's; ``maps``, the output, for what does not follow."""


@dataclass(frozen=True)
class Clamped:
    """Rule of a clamp: each value brought between two limits."""

    low: float
    high: float

    def follow(self, given: Peaks, maps: torch.Tensor, sign: int) -> Peaks:  # noqa: ARG002 - rules have one signature
        """Keep a peak between the limits where it was; at a limit an earlier place may have come to the same."""
        low, high = (self.low, self.high) if sign > 0 else (-self.high, -self.low)
        values = given.values.clamp(low, high)
        if given.places is None:
            return Peaks(values)
        # at a limit several places are equal now, and the first of them may not be the one that was strongest
        inside = (values > low).logical_and_(values < high)
        return Peaks(values, given.places.clone(), inside if given.known is None else inside.logical_and_(given.known))


class Shifted:
    """Rule of a batch norm in eval mode: each channel scaled and shifted by fixed numbers."""

    def __init__(self, module: nn.BatchNorm2d) -> None:
        self.module = module
        # turned round, the strongest was the weakest; a scale of 0 makes NaN of infinity
        turned = None if module.weight is None else (module.weight <= 0).nonzero()[:, 0]
        self.turned = turned if turned is not None and len(turned) else None

    def follow(self, given: Peaks, maps: torch.Tensor, sign: int) -> Peaks:
        """Return values only: two that differed may have been rounded to the same, and the first of them counts."""
        # pictures as places: with one place per channel torch takes another kernel, which may round in another way
        peaks = (given.values if sign > 0 else -given.values).t()
        peaks = peaks.repeat(1, 2) if peaks.shape[1] == 1 else peaks.contiguous()
        norm = self.module
        shifted = functional.batch_norm(
            peaks[None, :, None], norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
        values = shifted[0, :, 0, : len(maps)].t().contiguous()
        values = values if sign > 0 else values.neg_()
        if self.turned is not None:
            values[:, self.turned] = Peaks.of(maps.index_select(1, self.turned), sign).values
        return Peaks(values)


def rule_of(module: nn.Module) -> Rule | None:
    """Return the rule a module obeys, if there is one that is exact."""
    # a hook of the user's may change what the module puts out
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    # by type, not isinstance: a subclass may do anything
    if type(module) is nn.ReLU:
        return Clamped(0.0, torch.inf)
    if type(module) in (nn.ReLU6, nn.Hardtanh):
        return Clamped(module.min_val, module.max_val)
    if type(module) is nn.BatchNorm2d and not module.training and module.running_mean is not None:
        return Shifted(module)
    return None


def follows(module: nn.Module, given: torch.Tensor, maps: torch.Tensor) -> bool:
    """Return whether a module's rule holds to the bit for tensors like these."""
    if not given.dtype == maps.dtype == torch.float32 or maps.dim() != 4:
        return False
    if type(module) is not nn.BatchNorm2d:
        return True
    # with one place a channel torch takes another kernel, which may round otherwise
    one = maps.shape[2] * maps.shape[3] == 1
    return maps.device.type == "cpu" and given.is_contiguous() and maps.is_contiguous() and not one
