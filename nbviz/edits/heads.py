"""Edit of attention heads: what a head puts out is zeroed before the heads are mixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nbviz.arguments import at_least
from nbviz.edits.base import edit
from nbviz.errors import NbvizError
from nbviz.model.edit import Editable, NetworkEdit
from nbviz.model.layers import Layer
from nbviz.replica.hooks import edit_every_input, edit_every_output, edit_parameters, layer_name, modules_of

PROJECTIONS = frozenset(("out", "proj", "out_proj", "o_proj", "c_proj", "to_out", "dense", "wo", "fc_out", "merge"))
"""Names that libraries give the linear layer behind attention, which mixes the heads."""


@edit("Heads")
@dataclass(frozen=True)
class Heads(NetworkEdit):
    """Switch attention heads of a layer off."""

    layer: str
    """The layer in which attention happens: ``"blocks.3.attention"``."""
    off: Any = ()
    """Heads switched off, from 0."""
    of: int = 1
    """Heads in all."""

    def __post_init__(self) -> None:
        of = at_least("of", self.of, 1)
        heads = sorted({at_least("a head of off", head, 0) for head in self.off})
        if heads and heads[-1] >= of:
            raise NbvizError(f"'{self.layer}' has {of} heads, 0 to {of - 1}: there is no head {heads[-1]}.")
        object.__setattr__(self, "off", tuple(heads))

    @property
    def words(self) -> str:
        named = f"head {self.off[0]}" if len(self.off) == 1 else f"{len(self.off)} heads"
        return f"{self.layer} · {named} off"

    def check(self, model: Editable) -> None:
        """Raise NbvizError where the layer isn't there, or can be no attention."""
        layer = model.layer(self.layer)
        if not _linear(layer):
            raise NbvizError(
                f"Layer '{layer.name}' ({layer.kind}) has no attention: choose the layer that mixes tokens, such as "
                "'blocks.3.attention'."
            )

    def attach(self, net: nn.Module, model: Editable) -> None:
        """Hook the edit on a replica."""
        heads_off(net, model, self.layer, self.off, self.of)


def _linear(layer: Layer) -> bool:
    """Return whether a layer is, or holds, one that attention can be made of."""
    kinds = {"Linear", "MultiheadAttention", "NonDynamicallyQuantizableLinear", "Conv1D"}
    return any(one.kind in kinds for one in layer.walk())


def heads_off(net: nn.Module, model: Editable, layer: str, heads: Iterable[int], of: int) -> ExitStack:
    """Zero heads of a replica's attention layer, from now on or for the length of a ``with`` block.

    Raises NbvizError where the layer's width can't be split into so many heads.
    """
    name = model.layer(layer).address[0]
    module, zero = modules_of(net)[name], _zeroing(tuple(heads), of, name)
    if isinstance(module, nn.MultiheadAttention) and of != module.num_heads:
        raise NbvizError(f"'{name}' has {module.num_heads} heads; {of} can't share its width.")
    mix = _projection(module)
    if mix is None:  # the heads are mixed further on: the layer puts them out side by side
        return edit_every_output(net, name, zero)
    mixing = ".".join(filter(None, (name, mix)))
    if model.layer(mixing).order is None:  # only its weights are used, as torch's own attention and Swin's do
        return edit_parameters(net, name, {f"{mix}.weight": zero})
    return edit_every_input(net, mixing, zero)


def _projection(module: nn.Module) -> str | None:
    """Return the linear layer of an attention module that mixes its heads; None where it has none of that name."""
    linear = [layer_name(name) for name, one in module.named_modules() if isinstance(one, nn.Linear)]
    named = [name for name in linear if PROJECTIONS & set(name.split("."))]
    return named[-1] if named else None


def _zeroing(heads: tuple[int, ...], of: int, name: str) -> Callable[[Tensor], Tensor]:
    """Return the function that zeroes heads of (…, width), tokens or the weights that read them, side by side."""

    def zero(values: Tensor) -> Tensor:
        if values.shape[-1] % of:
            raise NbvizError(f"'{name}' puts out {values.shape[-1]} numbers a token, which {of} heads can't share.")
        by_head = values.unflatten(-1, (of, -1))
        keep = torch.ones(of, 1, dtype=values.dtype, device=values.device)
        keep[list(heads)] = 0
        return (by_head * keep).flatten(-2)

    return zero
