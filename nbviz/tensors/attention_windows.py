"""Where the tokens of windowed attention lie in the picture, for any way to cut, shift and pad windows.

Every place of the layer that feeds the attention gets a number, and the layer's output is disturbed once for
each binary digit, at the places whose number has it. The digits at which a token's values change spell the
number of its place. Layers between must work place by place; where they mix places, the numbers found are not
each place once, and nothing is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from nbviz.tensors.attention_nodes import Block, attentions
from nbviz.tensors.capture import hooked, modules_of
from nbviz.tensors.instrumented import InstrumentedModel
from nbviz.tensors.layers import Layer
from nbviz.tensors.layout import Layout
from nbviz.tensors.subject import Subject

TRIED = 2
"""Layers tried, from the last before the attention."""

_kept: WeakKeyDictionary[InstrumentedModel, dict[Any, Windows | None]] = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class Windows:
    """The places of a windowed attention's tokens."""

    places: Tensor
    """(windows, tokens): number of each token's place, row by row; -1 where it is padding."""
    grid: tuple[int, int]
    """(h, w) of the places."""

    def on_grid(self, weights: Tensor) -> Tensor:
        """A weight of each token, (windows, tokens), on the grid (h, w); padding is left out."""
        real = self.places >= 0
        grid = weights.new_zeros(self.grid[0] * self.grid[1])
        grid[self.places[real]] = weights[real]
        return grid.unflatten(0, self.grid)


def windows_of(subject: Subject, number: int) -> Windows | None:
    """Places of the tokens of attention block ``number``; None where they can't be told. Kept for its network."""
    key = (subject.model.guest.revision, subject.x.shape, subject.x.dtype, number)
    kept = _kept.setdefault(subject.model, {})
    if key not in kept:
        found = (_decoded(subject, number, layer) for layer in _feeding(subject, number))
        kept[key] = next((windows for windows in found if windows is not None), None)
    return kept[key]


def _feeding(subject: Subject, number: int) -> list[Layer]:
    """Layers with places before the block, the last first, that could fill its windows."""
    order: list[tuple[int, str]] = []

    def keep(name: str, call: int, tensor: Tensor) -> None:
        if tensor.grad_fn is not None:
            order.append((tensor.grad_fn._sequence_nr(), name))

    with hooked(subject.run.net, modules_of(subject.run.net), keep):
        block = _block(subject, number)
    before = [name for when, name in sorted(order, key=lambda item: item[0]) if when < block.node._sequence_nr()]
    layers = [subject.model.layer(name) for name in reversed(before)]
    return [layer for layer in layers if _fills(layer, block)][:TRIED]


def _fills(layer: Layer, block: Block) -> bool:
    if layer.calls != 1 or layer.places is None or layer.layout is None or layer.layout.prefix:
        return False
    least = 1 if block.windows == 1 else block.keys
    return least < layer.places[0] * layer.places[1] <= block.windows * block.keys


def _decoded(subject: Subject, number: int, layer: Layer) -> Windows | None:
    assert layer.places is not None and layer.layout is not None
    height, width = layer.places
    calm = _values(subject, number)
    if calm is None:
        return None
    numbers = torch.zeros(calm.shape[:-1], dtype=torch.long, device=calm.device)
    for digit in range((height * width).bit_length()):
        with _disturbed(subject, layer, digit):
            values = _values(subject, number)
        if values is None or values.shape != calm.shape:
            return None
        numbers += (values != calm).any(-1).long() << digit
    places = numbers[:, 0] - 1  # of the first head; numbers count from 1, so that 0 is padding
    alike = (numbers == numbers[:, :1]).all()
    found = places[places >= 0].sort().values
    each_once = torch.equal(found, torch.arange(height * width, device=found.device))
    return Windows(places, (height, width)) if alike and each_once else None


def _block(subject: Subject, number: int) -> Block:
    output = subject.model.find_logits(subject.run(subject.x.detach().requires_grad_()))
    return attentions(output)[0][number]


def _values(subject: Subject, number: int) -> Tensor | None:
    """Values of the block's tokens, (windows, heads, tokens, channels)."""
    block = _block(subject, number)
    value = block.value()
    return None if value is None else value.unflatten(0, (block.windows, block.heads))


@contextmanager
def _disturbed(subject: Subject, layer: Layer, digit: int) -> Iterator[None]:
    """Add noise to a layer's output at the places whose number, from 1, has a binary digit."""
    handle = modules_of(subject.run.net)[layer.name].register_forward_hook(_noise(layer.layout, digit))
    try:
        yield
    finally:
        handle.remove()


def _noise(layout: Layout | None, digit: int) -> Callable[..., Tensor]:
    assert layout is not None
    chosen = (torch.arange(1, layout.height * layout.width + 1) >> digit & 1).unflatten(
        0, (layout.height, layout.width)
    )

    def hook(module: Any, inputs: Any, output: Tensor) -> Tensor:
        maps = layout.maps(output)
        noise = torch.randn(maps.shape, generator=torch.Generator().manual_seed(digit))
        disturbed = output.detach().clone()
        layout.maps(disturbed).add_((noise * chosen).to(maps))
        return output + (disturbed - output.detach())

    return hook
