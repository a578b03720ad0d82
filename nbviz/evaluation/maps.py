"""Maps as numbers to compare: signed, in cells, by rank."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn import functional

from nbviz.attribution.baselines import blurred
from nbviz.evaluation.base import BATCH, Map

BLUR = 15 / 224
"""σ of the blur that hides, of the shorter side: it tells maps apart as well as any other substitute."""


def signed(judged: Map) -> torch.Tensor:
    """Return a map's raw values over places (h, w), float64: summed over channels, with their sign."""
    values = judged.values.detach().double().cpu()
    if values.dim() == 4:
        values = values[0]
    if values.dim() == 3:
        values = values.sum(0)
    return values if values.dim() == 2 else judged.evidence.double().cpu()


def spoken(judged: Map) -> torch.Tensor:
    """Return what each place adds to the score by the map, (h, w) float64, at its own resolution.

    Its signed values, unless what is drawn is something else than their size: the sign of a gradient says in which
    direction a colour would have to move, not whether a place speaks for the class, so such a map is taken as drawn.
    """
    values, evidence = signed(judged), judged.evidence.double().cpu()
    if values.shape != evidence.shape:
        return values
    # what is drawn was summed in single precision, the values in double
    slack = 1e-4 * float(values.abs().max())
    read = (values, values.abs(), values.clamp(min=0))
    return values if any(torch.allclose(evidence, one, rtol=0, atol=slack) for one in read) else evidence


def strength(judged: Map) -> torch.Tensor:
    """Return the importance of each place, whatever its sign, (h, w) float64, at the map's own resolution.

    Pixel methods are read as they are drawn; coarse ones before their negative part is cut off.
    """
    # at its own resolution: on a coarser grid of all maps even unlike gradients correlate up to .8
    evidence, values = judged.evidence.double().cpu(), signed(judged)
    return (evidence if tuple(evidence.shape) == tuple(judged.size) else values).abs()


def empty(judged: Map) -> str:
    """Return why there is nothing to judge, in a sentence; empty where there is something."""
    if not bool(torch.isfinite(judged.values).all()):
        return "the map holds values that are not finite numbers"
    if not bool(judged.values.any()):
        return "the map is zero everywhere"
    return ""


def cell_of(length: int, cells: int) -> torch.Tensor:
    """Return which of ``cells`` equal parts each of ``length`` pixels lies in, (length,)."""
    return torch.arange(length, device="cpu") * cells // length


def cell_sums(values: torch.Tensor, size: tuple[int, int], cells: tuple[int, int]) -> torch.Tensor:
    """Sum a map (h, w) over a grid of cells laid over a picture of ``size`` (H, W).

    A map of the picture's own size is summed exactly; one that is coarser is averaged, or interpolated where
    its places are larger than cells.
    """
    values = values.double()
    if tuple(values.shape) != tuple(size):
        if values.shape[0] >= cells[0] and values.shape[1] >= cells[1]:
            return functional.adaptive_avg_pool2d(values[None, None], cells)[0, 0]
        values = functional.interpolate(values[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    rows, columns = (cell_of(length, count) for length, count in zip(size, cells, strict=True))
    # index_add instead of pooling: cells of unequal size are summed exactly, and a map's sum stays its sum
    across = values.new_zeros(size[0], cells[1]).index_add_(1, columns, values)
    return values.new_zeros(cells).index_add_(0, rows, across)


def hidden(x: torch.Tensor) -> torch.Tensor:
    """Blur pictures (N, C, H, W) until nothing in them can be told: σ is 15 pixels of 224."""
    return blurred(x, BLUR * min(x.shape[2:]))


def partly_hidden(x: torch.Tensor, masks: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield a picture (1, C, H, W) once per mask (rows, columns), :data:`BATCH` at a time; cells of 0 are hidden."""
    blank = hidden(x)
    rows, columns = (cell_of(length, count) for length, count in zip(x.shape[2:], masks.shape[1:], strict=True))
    for some in masks.split(BATCH):
        yield torch.where(some[:, rows][:, :, columns][:, None].to(x) > 0, x, blank)


def ranks(values: torch.Tensor) -> torch.Tensor:
    """Rank all values, ties sharing their mean rank, float64 (n,)."""
    _, inverse, counts = values.flatten().unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0).double()
    return (ends - (counts.double() - 1) / 2)[inverse]


def pearson(one: torch.Tensor, other: torch.Tensor) -> float | None:
    """Correlation of two maps; None where one of them is flat."""
    pair = torch.stack([one.flatten().double(), other.flatten().double()])
    pair = pair - pair.mean(1, keepdim=True)
    norms = pair.norm(dim=1)
    return float(pair[0] @ pair[1] / norms.prod()) if bool((norms > 0).all()) else None


def spearman(one: torch.Tensor, other: torch.Tensor) -> float | None:
    """Rank correlation of two maps of the same shape; None where one of them is flat."""
    return pearson(ranks(one), ranks(other))
