"""Which axes of a layer's output are space, found by one probing batch instead of a list of architectures.

The batch holds the picture six times: as it is, with one of its four quarters perturbed, and with its last
corner perturbed. Where an output has places, the change follows: the share that the lower quarters have in
the change is larger in the lower places, and likewise on the right. That holds also where attention has
spread every change everywhere, for shares need only a trace of the place. An axis of channels shows no such
order, and neither do windows or attention maps whose shape may look like a grid's.

Tokens are assumed to stand row by row behind their prefix (class token, registers); the last corner must
then change the last token as much as any. What can't be told this way inherits from layers of the identical
shape, else it is refused with a reason (kind "none"): a wrong map is worse than none. A convolution, a 2-D
norm or pooling needs no probe: torch defines what its axes are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Kind = Literal["map", "map_last", "tokens", "tokens_first", "vector", "none"]

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
class Layout:
    """How to read a layer's output as channel maps.

    `kind` is "map" for (N, C, H, W), "map_last" for (N, H, W, C), "tokens" for (N, T, D), "tokens_first" for
    (N, D, T), "vector" where there is one place only ((N, D), and with further axes of length 1), "none"
    where no channels can be shown; `reason` then says why. `prefix` tokens come before the first place.
    """

    kind: Kind
    height: int = 1
    width: int = 1
    prefix: int = 0
    reason: str = ""

    @property
    def has_places(self) -> bool:
        """Whether a channel is a map, not a number."""
        return self.kind not in ("vector", "none")

    def maps(self, output: Tensor) -> Tensor:
        """Return `output`, or a gradient of its shape, as (N, C, h, w): a view, its prefix tokens left out.

        A vector has 1 × 1 maps. ValueError where the kind is "none".
        """
        if self.kind == "map":
            return output
        if self.kind == "map_last":
            return output.movedim(-1, 1)
        if self.kind == "vector":
            return output.flatten(1)[:, :, None, None]
        if self.kind == "none":
            raise ValueError(self.reason)
        tokens = output.transpose(1, 2) if self.kind == "tokens" else output
        return tokens[:, :, self.prefix :].unflatten(2, (self.height, self.width))

    def places(self, output: Tensor) -> Tensor:
        """Return `output` as (N, C, h·w): channels by places, row by row."""
        return self.maps(output).flatten(2)

    def channels(self, shape: tuple[int, ...]) -> int:
        """Return the number of channels of an output of `shape` (batch axis included); 0 for kind "none"."""
        if self.kind == "vector":
            return math.prod(shape[1:])
        axis = {"map": -3, "map_last": -1, "tokens": -1, "tokens_first": -2}.get(self.kind)
        return 0 if axis is None else int(shape[axis])


@dataclass(frozen=True)
class Evidence:
    """What one output tells by itself; a few bytes, so that no output need be kept."""

    shape: tuple[int, ...]
    layout: Layout | None
    """None: unsure."""


def probe_batch(x: Tensor, seed: int = 0) -> Tensor:
    """Return the probing batch (6, C, H, W) for an input (1, C, H, W), of its dtype and device."""
    batch = x.repeat(PROBES, *[1] * (x.dim() - 1))
    noise = torch.randn(x.shape[1:], generator=torch.Generator().manual_seed(seed)).to(x)
    spread = float(x.float().std()) if x.numel() > 1 else 0.0
    noise *= 2 * (spread if 0.1 < spread < math.inf else 1.0)
    for index, (rows, columns) in enumerate(_perturbed(*x.shape[-2:]), start=1):
        batch[index, ..., rows, columns] += noise[..., rows, columns]
    return batch


def infer_layouts(
    outputs: Mapping[str, Tensor | Evidence],
    input_hw: tuple[int, int],
    modules: Mapping[str, nn.Module] | None = None,
) -> dict[str, Layout]:
    """Return the layout of each output of one forward over a probing batch.

    `modules`, by the same names, tells which outputs need no probe. Where memory counts, or where outputs are
    overwritten in place, give instead of an output its `evidence`, taken in the hook.
    """
    known = modules or {}
    found = {
        name: output if isinstance(output, Evidence) else evidence(output, input_hw, known.get(name))
        for name, output in outputs.items()
    }
    sure: dict[tuple[int, ...], set[Layout]] = {}
    for item in found.values():
        if item.layout is not None and item.layout.kind != "none":
            sure.setdefault(item.shape, set()).add(item.layout)
    return {
        name: item.layout or _inherited(item.shape, sure.get(item.shape, set()))
        for name, item in found.items()
    }


def evidence(output: Tensor, input_hw: tuple[int, int], module: nn.Module | None = None) -> Evidence:
    """Judge one output of the probing batch, and of `module` where that is known, by itself."""
    output = output.detach()
    shape = tuple(output.shape)
    layout = _by_shape(output)
    if (
        layout is None
        and isinstance(module, PLANAR)
        and len(shape) == 4
        and _fits(shape[2], shape[3], input_hw)
    ):
        layout = Layout("map", *shape[2:])
    return Evidence(shape, layout or _by_probe(output, input_hw))


def _perturbed(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """The four quarters (upper left, upper right, lower left, lower right) and the last corner."""
    for rows in (slice(0, (height + 1) // 2), slice(height // 2, None)):
        for columns in (slice(0, (width + 1) // 2), slice(width // 2, None)):
            yield rows, columns
    # Smaller than any patch in use, so that it changes the last token alone.
    yield slice(height - max(1, height // 32), None), slice(width - max(1, width // 32), None)


def _inherited(shape: tuple[int, ...], same_shape: set[Layout]) -> Layout:
    """Return the one layout that layers of this shape have, unless the shape can be read in another way too."""
    if len(same_shape) == 1:
        layout = next(iter(same_shape))
        tokens = layout.height * layout.width + layout.prefix
        lengths = (layout.height, layout.width) if len(shape) == 4 else (tokens,)
        if layout.channels(shape) not in lengths:
            return replace(layout, reason="as layers of the same shape")
    return Layout("none", reason="which axis is space can't be told: its output does not follow the picture")


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
            for height, width in _grids(shape[1] - prefix, input_hw):
                yield Layout("tokens", height, width, prefix)
            for height, width in _grids(shape[2] - prefix, input_hw):
                yield Layout("tokens_first", height, width, prefix)


def _grids(count: int, input_hw: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Ways to lay `count` tokens out as the picture's proportions to within a row or column of rounding."""
    if count < 2:
        return
    ideal = math.sqrt(count * input_hw[0] / input_hw[1])
    for height in range(max(1, int(ideal * 0.7)), int(ideal * 1.4) + 2):
        width = count // height
        if height * width == count and abs(height * input_hw[1] - width * input_hw[0]) < max(input_hw):
            yield height, width


def _fits(height: int, width: int, input_hw: tuple[int, int]) -> bool:
    """Whether a grid has the picture's proportions, but for unpadded borders or one row of rounding."""
    ratio = input_hw[0] / input_hw[1]
    near = abs(math.log(height / width / ratio)) < 0.2
    return height * width > 1 and (
        near or abs(height - width * ratio) <= 1 or abs(width - height / ratio) <= 1
    )


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
    return min(_correlation(values / total, side) for values, side in tested)


def _change(output: Tensor, layout: Layout) -> NDArray[np.float32]:
    """Return how much each place changes with each probe, every probe's mean 1: (5, h·w)."""
    places = layout.places(output)
    wanted = max(8, SAMPLED // places.shape[2])
    places = places[:, :: max(1, places.shape[1] // wanted)].float()
    change = torch.nan_to_num((places[1:] - places[:1]).square().sum(1), nan=0.0, posinf=0.0).cpu().numpy()
    return change / np.maximum(change.mean(1, keepdims=True), TINY)


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
