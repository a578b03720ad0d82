"""Edit of attention heads: what a head gives is zeroed before the heads are mixed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from torch import nn

from nbviz.arguments import at_least, layer_name, listed
from nbviz.edits.base import edit
from nbviz.edits.head_switch import HeadSwitch
from nbviz.errors import NbvizError
from nbviz.model.edit import Editable, NetworkEdit
from nbviz.replica.hooks import run_within


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
        object.__setattr__(self, "layer", layer_name(self.layer))
        of = at_least("of", self.of, 1)
        heads = sorted({at_least("a head of off", head, 0) for head in listed("off", self.off)})
        if heads and heads[-1] >= of:
            raise NbvizError(f"'{self.layer}' has {of} heads, 0 to {of - 1}: there is no head {heads[-1]}.")
        object.__setattr__(self, "off", tuple(heads))
        object.__setattr__(self, "of", of)

    @property
    def words(self) -> str:
        named = f"head {self.off[0]}" if len(self.off) == 1 else f"{len(self.off)} heads"
        return f"{self.layer} · {named} off"

    def check(self, model: Editable) -> None:
        """Raise NbvizError where the layer isn't there, or can be no attention."""
        layer = model.layer(self.layer)
        # only what certainly has none is refused here; the forward tells of the rest, where attention is computed
        if not layer.children and layer.kind != "MultiheadAttention" and layer.kind in vars(nn):
            raise NbvizError(
                f"Layer '{layer.name}' ({layer.kind}) has no attention: choose the layer that mixes tokens, such as "
                "'blocks.3.attention'."
            )

    def attach(self, net: nn.Module, model: Editable) -> None:
        """Hook the edit on a replica."""
        heads_off(net, model, self.layer, self.off, self.of)


def heads_off(net: nn.Module, model: Editable, layer: str, heads: Iterable[int], of: int) -> ExitStack:
    """Zero heads of a replica's attention layer, from now on or for the length of a ``with`` block.

    A forward then raises NbvizError where the layer computes no attention that can be seen, or one of other heads.
    """
    off = tuple(heads)
    return switching(net, model, layer, off, of) if off else ExitStack()


def switching(net: nn.Module, model: Editable, layer: str, off: tuple[int, ...], of: int) -> ExitStack:
    """Watch a replica's attention layer with heads off, none of them too, as :func:`heads_off` does."""
    name = model.layer(layer).address[0]

    @contextmanager
    def switched() -> Iterator[None]:
        with HeadSwitch(name, off, of) as switch:
            yield
        switch.check()

    return run_within(net, name, switched)
