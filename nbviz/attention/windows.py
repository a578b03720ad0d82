"""Windows of attention: where their tokens lie in the picture, however they are cut, shifted and padded.

Every place of the layer that feeds the attention gets a number, and the layer's output is disturbed once for
each binary digit, at the places whose number has it. The digits at which a token's values change spell the
number of its place. Layers between must work place by place; where they mix places, the numbers found are not
each place once, and nothing is told. A block that is cut like another takes three disturbances instead of a dozen,
and a forward ends with the first layer after the attention.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from nbviz.model.by_model import ByModel
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.model.layouts.layout import Layout
from nbviz.passes.feature_maps import layer_output
from nbviz.passes.graph.attention_nodes import Block, attentions
from nbviz.passes.subject import Subject
from nbviz.replica.hooks import edit_output, hooked, modules_of

TRIED = 2
"""Layers tried, from the last before the attention."""
HALVES = 3
"""Random halves of the places that must reach the same tokens before a block counts as cut like another."""

_windows: ByModel[InstrumentedModel, dict[Any, Windows | None]] = ByModel()


@dataclass(frozen=True, eq=False)
class Windows:
    """Places of the tokens of windowed attention."""

    places: Tensor
    """(windows, tokens): number of each token's place, row by row; -1 where it is padding."""
    grid: tuple[int, int]
    """(h, w) of the places."""

    def on_grid(self, weights: Tensor) -> Tensor:
        """Lay a weight of each token, (windows, tokens), on the grid (h, w); padding is left out."""
        real = self.places >= 0
        grid = weights.new_zeros(self.grid[0] * self.grid[1])
        grid[self.places[real]] = weights[real]
        return grid.unflatten(0, self.grid)


def windows_of(subject: Subject, number: int) -> Windows | None:
    """Find the places of the tokens of attention block ``number``; None where unknown. Kept for its network."""
    same = (subject.model.guest.revision, subject.x.shape, subject.x.dtype)
    known, this = _windows.setdefault(subject.model, {}), (*same, number)
    if this not in known:
        # blocks of one network are mostly cut in two or three ways: theirs are tried before a dozen disturbances
        others = [windows for key, windows in known.items() if key[:-1] == same and windows is not None]
        ways = (_like(look, others) or _decoded(look) for look in _feeding(subject, number))
        known[this] = next((windows for windows in ways if windows is not None), None)
    return known[this]


@dataclass(frozen=True, eq=False)
class _Look:
    """Observation of one block while the output of one layer before it is disturbed."""

    subject: Subject
    number: int
    layer: Layer
    """Feeds the block."""
    until: str | None
    """A layer after the block, and after all blocks before it, where the forward may end; None: the whole forward."""

    @cached_property
    def calm(self) -> Tensor | None:
        """Values of the block's tokens, (windows, heads, tokens, channels); None where they aren't kept."""
        return self._values()

    def reached(self, chosen: Tensor) -> Tensor | None:
        """Return which tokens noise at chosen places (h, w) reaches, (windows, heads, tokens); None where unknown."""
        with edit_output(self.subject.run.net, self.layer.address, _noise(self.layer.layout, chosen)):
            values = self._values()
        if values is None or self.calm is None or values.shape != self.calm.shape:
            return None
        return (values != self.calm).any(-1)

    def _values(self) -> Tensor | None:
        blocks = attentions(_output(self.subject, self.until))[0]
        block = blocks[self.number]
        value = block.value()
        return None if value is None else value.unflatten(0, (block.windows, block.heads))


def _output(subject: Subject, until: str | None) -> Tensor:
    x = subject.x.detach().requires_grad_()
    if until is None:
        return subject.model.evaluate(subject.run, x).logits
    return layer_output(subject.model, subject.run, x, until)


def _feeding(subject: Subject, number: int) -> list[_Look]:
    """Yield observations of a block: by layers with places before it, the last first, that could fill its windows."""
    order: list[tuple[int, str, Tensor]] = []

    def keep(name: str, _: int, tensor: Tensor) -> None:
        if tensor.grad_fn is not None:
            order.append((tensor.grad_fn._sequence_nr(), name, tensor))

    with hooked(modules_of(subject.run.net), keep):
        blocks = attentions(_output(subject, None))[0]
    order.sort(key=lambda item: item[0])
    block, layer = blocks[number], subject.model.layer
    when = block.node._sequence_nr()
    after = next(((name, tensor) for at, name, tensor in order if at > when and layer(name).calls == 1), None)
    # the numbers of blocks must mean the same in the shorter forward: it must hold those up to this one and no more
    early = after is not None and [b.node for b in attentions(after[1])[0]] == [b.node for b in blocks[: number + 1]]
    layers = [layer(name) for at, name, _ in reversed(order) if at < when]
    until = after[0] if early and after is not None else None
    return [_Look(subject, number, one, until) for one in layers if _fills(one, block)][:TRIED]


def _fills(layer: Layer, block: Block) -> bool:
    if layer.calls != 1 or layer.places is None or layer.layout is None or layer.layout.prefix:
        return False
    # a layer no larger than a window can't be what was cut into several
    least = 1 if block.windows == 1 else block.keys
    return least < layer.places[0] * layer.places[1] <= block.windows * block.keys


def _like(look: _Look, others: list[Windows]) -> Windows | None:
    """Return another block's windows, if this one is cut alike: random halves of the places reach the same tokens."""
    grid, generator = look.layer.places, torch.Generator().manual_seed(0)
    assert grid is not None
    left = [other for other in others if other.grid == grid]
    for _ in range(HALVES if left else 0):
        chosen = torch.rand(grid, generator=generator, dtype=torch.float32, device="cpu") < 0.5
        reached = look.reached(chosen)
        left = [other for other in left if _agrees(other, chosen, reached)]
    return left[0] if left else None


def _agrees(windows: Windows, chosen: Tensor, reached: Tensor | None) -> bool:
    """Return whether noise at chosen places (h, w) reaches the tokens that lie there, (windows, heads, tokens)."""
    if reached is None or windows.places.shape != reached[:, 0].shape:
        return False
    chosen_tokens = (windows.places >= 0) & chosen.flatten().to(reached.device)[windows.places.clamp(min=0)]
    return bool((reached == chosen_tokens[:, None]).all())


def _decoded(look: _Look) -> Windows | None:
    assert look.layer.places is not None
    height, width = look.layer.places
    if look.calm is None:
        return None
    numbers = torch.zeros(look.calm.shape[:-1], dtype=torch.long, device=look.calm.device)
    counted = torch.arange(1, height * width + 1, device="cpu").unflatten(0, (height, width))
    for digit in range((height * width).bit_length()):
        tokens = look.reached((counted >> digit & 1).bool())
        if tokens is None:
            return None
        numbers += tokens.long() << digit
    places = numbers[:, 0] - 1  # of the first head; numbers count from 1, so that 0 is padding
    same_in_heads = (numbers == numbers[:, :1]).all()
    real = places[places >= 0].sort().values
    each_once = torch.equal(real, torch.arange(height * width, device=real.device))
    return Windows(places, (height, width)) if same_in_heads and each_once else None


def _noise(layout: Layout | None, chosen: Tensor) -> Callable[[Tensor], Tensor]:
    assert layout is not None

    def disturb(output: Tensor) -> Tensor:
        maps = layout.maps(output)
        noise = torch.randn(maps.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float32, device="cpu")
        # the layer's own output may be read by a shortcut as well, and is left as it is
        disturbed = output.detach().clone()
        layout.maps(disturbed).add_((noise * chosen).to(maps))
        # by adding to it, so that the graph goes on through the layer
        return output + (disturbed - output.detach())

    return disturb
