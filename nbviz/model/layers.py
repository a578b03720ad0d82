"""Layers: the module tree as a person reads it, with name, kind, output shape, parameters, calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from torch import nn

from nbviz.arguments import several
from nbviz.errors import NbvizError, unknown
from nbviz.model.layouts.layout import Layout
from nbviz.replica.hooks import Address, split


@dataclass(frozen=True)
class Layer:
    """Module of a network, or one call of a module that is called several times (``name#2``)."""

    name: str
    kind: str
    """Class name of the module, e.g. ``"Conv2d"``."""
    shape: tuple[int, ...] | None
    """Output shape without the batch axis; None when the module is never called or puts out no tensor."""
    parameters: int
    """Number of parameters, those of its children included, shared ones once."""
    children: tuple[Layer, ...] = ()
    """In call order."""
    calls: int = 0
    """Calls in one forward."""
    label: str = ""
    """The kind in a word or two: ``"conv 3×3"``, ``"norm"``, ``"ReLU6"``."""
    layout: Layout | None = field(default=None, repr=False)
    """Which axes of the output are space; None when never called."""
    first_call: int | None = field(default=None, repr=False)
    """Place in call order of the first call of it or of a layer below."""
    order: int | None = field(default=None, repr=False)
    """Place of its last output among all outputs; a block puts out after all layers in it."""

    @property
    def address(self) -> Address:
        """Module and call whose output it is; of a module that is called several times, the last."""
        # the last: what the module puts out in the end is what the rest of the network builds on
        stem, call = split(self.name)
        return stem, call or self.calls

    @property
    def is_call(self) -> bool:
        """True for one call of a module that is called several times, such as ``"relu#2"``."""
        return split(self.name)[1] is not None

    @property
    def channels(self) -> int | None:
        """Number of channels of the output; None when it has no output that can be shown."""
        if self.shape is None or self.layout is None or self.layout.kind == "none":
            return None
        return self.layout.channels((1, *self.shape))

    @property
    def places(self) -> tuple[int, int] | None:
        """(height, width) of the output's grid of places; None when it has none."""
        if self.layout is None or self.layout.kind in ("none", "vector"):
            return None
        return self.layout.height, self.layout.width

    def walk(self) -> Iterator[Layer]:
        """Yield this layer and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


def output_order(layer: Layer) -> int:
    """Return the place of a layer's last output, to sort by; −1 where it puts out nothing."""
    return -1 if layer.order is None else layer.order


def grid_layers(root: Layer) -> list[Layer]:
    """Return the layers below that put out a grid of places, each output once: the last call by its module's name."""
    called = [layer for layer in root.walk() if layer.name and layer.places and layer.order is not None]
    first = {layer.address: layer for layer in reversed(called)}  # a module stands before its calls
    return [layer for layer in called if first[layer.address] is layer]


def with_channels(known: Mapping[str, Layer], names: Iterable[str]) -> list[Layer]:
    """Return the named layers, each once; a sentence for a name that isn't there or has no channels."""
    if not several(names):
        raise NbvizError(f"layers= is one name ({names!r}); pass a list of names, or None for all.")
    names = list(names)
    if not names:
        raise NbvizError("layers= is empty: name at least one layer, or pass None for all.")
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise unknown("layer", name, [key for key in known if key])
        if not known[name].channels:
            raise NbvizError(f"Layer '{name}' has no output with channels: choose one below it.")
    return [known[name] for name in dict.fromkeys(names)]


def label(module: nn.Module) -> str:
    """Name the kind of a module in a word or two."""
    kind = type(module).__name__
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return "conv " + "×".join(str(k) for k in module.kernel_size)
    if isinstance(module, (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)) or "Norm" in kind:
        return "norm"
    if isinstance(module, nn.Linear):
        return "linear"
    if "Pool" in kind:
        return "pool"
    if kind in ("MultiheadAttention", "Attention") or kind.endswith("Attention"):
        return "attention"
    short = {"Sequential": "", "ModuleList": "", "ModuleDict": "", "Dropout": "dropout"}
    return short.get(kind, kind)
