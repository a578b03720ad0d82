"""Switches: the channels of a layer off one by one, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from nbviz.edits.channels import Fill, filling, switched_off
from nbviz.model.batches import passes_alone
from nbviz.model.layouts.layout import Layout
from nbviz.passes.resume import Resumed

BATCH = 16
"""Channels switched off in one forward: larger batches are hardly faster on a CPU."""
FIRST = 2
"""Channels in the first one, which is run whole as well, for comparison."""


def one_off_each(layout: Layout, channels: Sequence[int], fill: Fill) -> Callable[[Tensor], Tensor]:
    """Return the edit that switches, in the i-th picture of a batch, the i-th of ``channels`` off."""

    def edit(output: Tensor) -> Tensor:
        masks = np.zeros((len(channels), layout.channels(tuple(output.shape))), bool)
        masks[np.arange(len(channels)), channels] = True
        return off_each(layout, masks, fill)(output)

    return edit


def off_each(layout: Layout, masks: np.ndarray, fill: Fill) -> Callable[[Tensor], Tensor]:
    """Return the edit that switches, in the i-th picture of a batch, the channels of the i-th mask (n, C) off."""

    def edit(output: Tensor) -> Tensor:
        # windows and tokens folded into the batch lie within a picture's own rows
        mask = torch.from_numpy(np.repeat(masks, len(output) // len(masks), 0))
        return torch.where(layout.per_channel(mask, output).to(output.device), filling(output, layout, fill), output)

    return edit


def all_but(layout: Layout, channels: Iterable[int], count: int, fill: Fill) -> Callable[[Tensor], Tensor]:
    """Return the edit that leaves only ``channels`` of ``count`` on."""
    off = sorted(set(range(count)) - set(channels))
    return lambda output: switched_off(output, layout, off, fill)


def all_of(layout: Layout, channels: Iterable[int], fill: Fill) -> Callable[[Tensor], Tensor]:
    """Return the edit that switches ``channels`` off together."""
    off = sorted(set(channels))
    return lambda output: switched_off(output, layout, off, fill)


def sweep(resumed: Resumed, layout: Layout, channels: Iterable[int], fill: Fill) -> Iterator[tuple[list[int], Tensor]]:
    """Yield (channels, result with each of them off), batch by batch; in any order of the channels."""
    idle = _idle(resumed, layout, fill)
    left, still = [c for c in channels if c not in idle], [c for c in channels if c in idle]
    if still:
        yield still, resumed.output.expand(len(still), *resumed.output.shape[1:])
    size, alone = FIRST, passes_alone(resumed.model, resumed.run, resumed.x)
    while left:
        size = 1 if alone else size
        batch, left, size = left[:size], left[size:], BATCH
        yield batch, resumed(len(batch), one_off_each(layout, batch, fill))


def _idle(resumed: Resumed, layout: Layout, fill: Fill) -> frozenset[int]:
    """Return channels that put out already what they would if they were off: half of those behind a late ReLU."""
    output = resumed.layer_output
    if output is None:
        return frozenset()
    differs = layout.by_channel(output != filling(output, layout, fill)).any(2).any(0)
    return frozenset(torch.nonzero(~differs).flatten().tolist())
