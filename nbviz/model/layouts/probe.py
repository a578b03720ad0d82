"""Probe of one output: whether its change follows the probing batch, and along which axes.

See ``nbviz.model.layouts.layout`` for the idea.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nbviz.model.layouts.axes import Kind, Layout

PROBES = 6
PREFIX = 16
"""More class tokens and registers than any network in use has."""
SURE, SURE_OF_FEW = 0.5, 0.7
"""Correlation of the change with its side from which an axis counts as space, for 16 places or more and for
fewer. True axes have above 0.8 in most layers, above 0.6 behind attention; false ones of 49 places scatter
by 0.14."""
LAST = 0.3
"""Share of the largest relative change that the last token must show for the last corner; true ones have 0.6
to 1."""
SAMPLED = 65536
"""Values looked at in an output: of a large map a few channels, of a small one all."""
TINY = 1e-30
PLANAR = (
    nn.Conv2d,
    nn.ConvTranspose2d,
    nn.BatchNorm2d,
    nn.InstanceNorm2d,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveMaxPool2d,
    nn.AdaptiveAvgPool2d,
)
"""Modules whose output is (N, C, H, W) by definition."""


@dataclass(frozen=True)
class AxisEvidence:
    """Evidence for a layout from one output alone; a few bytes, so that no output need be kept."""

    shape: tuple[int, ...]
    layout: Layout | None
    """None: unsure."""


def probe_batch(x: Tensor, seed: int = 0) -> Tensor:
    """Return the probing batch (6, C, H, W) for an input (1, C, H, W), of its dtype and device."""
    batch = x.repeat(PROBES, *[1] * (x.dim() - 1))
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(x.shape[1:], generator=generator, dtype=torch.float32, device="cpu").to(x)
    spread = float(x.float().std()) if x.numel() > 1 else 0.0
    # about the picture's own contrast: less drowns in rounding, more drives activations out of range
    noise *= 2 * (spread if 0.1 < spread < math.inf else 1.0)
    for index, (rows, columns) in enumerate(_perturbed(*x.shape[-2:]), start=1):
        batch[index, ..., rows, columns] += noise[..., rows, columns]
    return batch


def evidence(output: Tensor, input_hw: tuple[int, int], module: nn.Module | None = None) -> AxisEvidence:
    """Judge one output of the probing batch, and of ``module`` where that is known, by itself."""
    output = output.detach()
    shape = tuple(output.shape)
    layout = _by_shape(output)
    if layout is None and isinstance(module, PLANAR) and len(shape) == 4 and _fits(shape[2], shape[3], input_hw):
        layout = Layout("map", *shape[2:])
    return AxisEvidence(shape, layout or _by_probe(output, input_hw))


def _perturbed(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Perturb the four quarters (upper left, upper right, lower left, lower right) and the last corner."""
    for rows in (slice(0, (height + 1) // 2), slice(height // 2, None)):
        for columns in (slice(0, (width + 1) // 2), slice(width // 2, None)):
            yield rows, columns
    # Smaller than any patch in use, so that it changes the last token alone.
    yield slice(height - max(1, height // 32), None), slice(width - max(1, width // 32), None)


def _by_shape(output: Tensor) -> Layout | None:
    shape = tuple(output.shape)
    if not output.is_floating_point():
        return Layout("none", reason=f"its output is {output.dtype}, not real numbers")
    if len(shape) < 2 or shape[0] != PROBES:
        return Layout("none", reason="its output has no axis of its own for the pictures of a batch")
    if 0 in shape:
        return Layout("none", reason="its output is empty")
    if sum(length > 1 for length in shape[1:]) <= 1:
        return Layout("vector")
    if len(shape) > 4:
        return Layout("none", reason=f"its output has {len(shape)} axes, more than channels and places")
    return None


def _by_probe(output: Tensor, input_hw: tuple[int, int]) -> Layout | None:
    """Return the candidate that follows the quarters best, if it does so surely."""
    judged = [(_score(output, layout), layout) for layout in _candidates(output.shape, input_hw)]
    if not judged:
        return Layout("none", reason="no axes of its output have the proportions of the picture")
    best, layout = max(judged, key=lambda pair: pair[0])
    if best < (SURE if layout.height * layout.width >= 16 else SURE_OF_FEW):
        return None
    # A longer prefix may cut rows off the same grid: the shortest that explains the change as well.
    return min((layout for score, layout in judged if score > 0.85 * best), key=lambda layout: layout.prefix)


def _candidates(shape: torch.Size, input_hw: tuple[int, int]) -> Iterator[Layout]:
    if len(shape) == 4:
        if _fits(shape[2], shape[3], input_hw):
            yield Layout("map", *shape[2:])
        if _fits(shape[1], shape[2], input_hw):
            yield Layout("map_last", *shape[1:3])
    if len(shape) == 3:
        for prefix in range(PREFIX + 1):
            axes: tuple[tuple[Kind, int], ...] = (("tokens", shape[1]), ("tokens_first", shape[2]))
            for kind, count in axes:
                for height, width in _grids(count - prefix, input_hw):
                    if prefix < height * width:
                        yield Layout(kind, height, width, prefix)


def _grids(count: int, input_hw: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Return the grids of ``count`` tokens with the picture's proportions, to within a row or column of rounding."""
    if count < 2:
        return
    ideal = math.sqrt(count * input_hw[0] / input_hw[1])
    for height in range(max(1, int(ideal * 0.7)), int(ideal * 1.4) + 2):
        width = count // height
        if height * width == count and abs(height * input_hw[1] - width * input_hw[0]) < max(input_hw):
            yield height, width


def _fits(height: int, width: int, input_hw: tuple[int, int]) -> bool:
    """Return whether a grid has the picture's proportions, but for unpadded borders or one row of rounding."""
    ratio = input_hw[0] / input_hw[1]
    near = abs(math.log(height / width / ratio)) < 0.2
    return height * width > 1 and (near or abs(height - width * ratio) <= 1 or abs(width - height / ratio) <= 1)


def _score(output: Tensor, layout: Layout) -> float:
    """Return how surely the change follows the probes, from -1 to 1."""
    change = _change(output, layout)
    total = np.maximum(change[:4].sum(0), TINY)
    if layout.kind in ("tokens", "tokens_first"):
        last = change[4] / total
        if last[-1] < LAST * last.max():
            return -1.0
    upper_left, upper_right, lower_left, lower_right = change[:4]
    down = lower_left + lower_right - upper_left - upper_right
    right = upper_right + lower_right - upper_left - lower_left
    sides = _halves(layout.height, layout.width)
    # An axis of one place has no sides.
    tested = [(down, sides[0])] * (layout.height > 1) + [(right, sides[1])] * (layout.width > 1)
    # the weaker axis decides: a grid of wrong width follows one of them by chance
    return min(_correlation(values / total, side) for values, side in tested)


def _change(output: Tensor, layout: Layout) -> NDArray[np.float32]:
    """Return how much each place changes with each probe, every probe's mean 1: (5, h·w)."""
    places = layout.places(output)
    channels = max(8, SAMPLED // places.shape[2])
    places = places[:, :: max(1, places.shape[1] // channels)].float()
    moved = (places[1:] - places[:1]).square().sum(1)
    change: NDArray[np.float32] = torch.nan_to_num(moved, nan=0.0, posinf=0.0).cpu().numpy()
    # each probe to a mean of 1, for quarters of a picture have unequal contrast
    change /= np.maximum(change.mean(1, keepdims=True), TINY)
    return change


def _correlation(values: NDArray[np.float32], side: NDArray[np.float32]) -> float:
    centred = values - values.mean()
    return float(centred @ side / max(float(np.linalg.norm(centred)), TINY))


@cache
def _halves(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return -1 for upper places and 1 for lower, then the same for left and right; each (h·w,) of norm 1."""
    down, right = np.meshgrid(
        np.sign(np.arange(height) - (height - 1) / 2),
        np.sign(np.arange(width) - (width - 1) / 2),
        indexing="ij",
    )
    first, second = (
        (side / max(float(np.linalg.norm(side)), TINY)).astype(np.float32).ravel() for side in (down, right)
    )
    return first, second
