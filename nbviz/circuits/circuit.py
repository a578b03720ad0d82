"""Walk from a class back through the network, each step measured by switching channels off.

From far the walk breaks down: eight channels half a network away explain nothing, and the first order is wrong by more
than it is right. So a step goes one block back, the measured effect is what counts, and each step says how much of the
node its channels give alone and how much is left without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbviz.arguments import at_least
from nbviz.circuits.effects import class_of
from nbviz.circuits.node import ELEMENTWISE, Node, strongest_each
from nbviz.circuits.step import Step, steps
from nbviz.edits.channels import Fill
from nbviz.errors import NbvizError
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer, grid_layers, with_channels
from nbviz.model.target import TargetLike
from nbviz.pictures.picture import PictureLike

if TYPE_CHECKING:
    import pandas

# Two: from the last blocks 8 of 192 channels give 20 to 50 % of a class's score, from half a network away nothing.
STEPS = 2
"""Steps back where no layers are named."""


@dataclass(frozen=True, eq=False)
class Circuit:
    """Nodes and the edges between them."""

    nodes: pandas.DataFrame
    """One row per node: ``node`` (its words), ``layer``, ``channel``, ``row``, ``column``, ``token`` (before the first
    place), ``value`` (before its non-linearity where ``before``); of nodes that were walked from also ``source``,
    ``alone`` and ``without`` (the value with only the top channels of the source, and without them), ``given`` and
    ``left`` (the same as shares), ``spread`` (whether no few channels explain it) and ``exact``.
    """
    edges: pandas.DataFrame
    """One row per edge: ``source`` and ``target`` (words of nodes), ``layer`` and ``channel`` of the source, ``effect``
    (what the target loses when the source's channel is switched off), ``share`` of the target's value, ``first_order``.
    """

    def __repr__(self) -> str:
        return f"Circuit({len(self.nodes)} nodes, {len(self.edges)} edges)"


def circuit(
    model: ModelLike,
    image: PictureLike,
    target: TargetLike = "predicted",
    layers: Sequence[str] | None = None,
    top: int = 8,
    *,
    fill: Fill = "zero",
) -> Circuit:
    """Walk from a class's score back through layers, to the channels that drive it and those that drive these.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`. image: a picture, or a preprocessed float tensor. target:
    a class, by index or name. layers: the layers walked through, each before the one before it; None for the last block
    and the one before. top: channels kept of each layer and node, the largest effects of either sign. fill: what a
    channel that is off puts out, as in ``nbviz.edits.Channels``. The same network and picture give the same circuit.

    Raises NbvizError for layers that are not in order or have no channels, Refused for a target that is no class.
    """
    model = InstrumentedModel.ensure(model)
    top = at_least("top", top, 1)
    x = model.input(image)
    model.trace(x)  # at the picture's own size: places of a layer are counted on that grid
    start = Node("", class_of(model, target, image))
    if layers is None:
        names = _walk(model, STEPS)
    else:
        names = [layer.name for layer in with_channels(model.trace().layers, layers)]
    walked: list[Step] = []
    front = [start]
    for name in names:
        taken = steps(model, x, front, name, top, fill)
        walked += taken
        front = strongest_each(model, x, name, _union(one.top for one in taken), start.channel)
    return _tables(model, walked, front)


def block_before(model: InstrumentedModel, name: str) -> str | None:
    """Return the layer one block before a layer (of a score, ``""``: the last block); None where there is none.

    A block is a module that stands with others of its kind in one container. Of a layer inside a block it is the block
    before that one. A network without such rows has its non-linearities for blocks.
    """
    blocks = _blocks(model)
    if not name:
        return blocks[-1] if blocks else None
    order = model.layer(name).order or 0
    within = next((block for block in blocks if name == block or name.startswith(f"{block}.")), None)
    before = [block for block in blocks if (model.layer(block).order or 0) < order]
    if within is not None:
        before = blocks[: blocks.index(within)]
    return before[-1] if before else None


def _walk(model: InstrumentedModel, steps: int) -> list[str]:
    names: list[str] = []
    at: str | None = ""
    while len(names) < steps and (at := block_before(model, at or "")) is not None:
        names.append(at)
    if not names:
        raise NbvizError(f"No layer of {model.name} has an output with places: there is nothing to walk back through.")
    return names


def _blocks(model: InstrumentedModel) -> list[str]:
    """Return the names of the layers that a step may lead to, in call order."""
    layers = [layer for layer in grid_layers(model.layers()) if not layer.is_call]
    rows = [layer for layer in layers if _in_row(layer, model)]
    outer = [layer for layer in rows if not any(layer.name.startswith(f"{other.name}.") for other in rows)]
    blocks = outer or [layer for layer in layers if layer.kind in {kind.__name__ for kind in ELEMENTWISE}] or layers
    return [layer.name for layer in sorted(blocks, key=lambda layer: layer.order or 0)]


def _in_row(layer: Layer, model: InstrumentedModel) -> bool:
    """Return whether a layer of several modules stands with others like it in a container."""
    # a container's own kind says nothing: Sequentials stand in rows everywhere
    above = layer.name.rpartition(".")[0]
    parent = model.layer(above) if above else model.layers()
    alike = sum(other.kind == layer.kind and bool(other.children) for other in parent.children)
    return bool(layer.children) and alike > 1 and layer.kind not in ("Sequential", "ModuleList")


def _union(groups: Iterable[Sequence[int]]) -> list[int]:
    return list(dict.fromkeys(channel for group in groups for channel in group))


def _tables(model: InstrumentedModel, steps: Sequence[Step], last: Sequence[Node]) -> Circuit:
    import pandas

    nodes: list[tuple[object, ...]] = [
        (
            one.node.words(model), one.node.layer, one.node.channel, *_where(one.node), one.value,
            one.before, one.source, one.alone, one.without, one.given, one.left, one.spread, one.exact,
        )
        for one in steps
    ]  # fmt: skip
    unwalked = (None,) * 9
    nodes += [(one.words(model), one.layer, one.channel, *_where(one), *unwalked) for one in last]
    columns = ["node", "layer", "channel", "row", "column", "token", "value", "before", "source", "alone", "without"]
    columns += ["given", "left", "spread", "exact"]
    edges = [
        (
            Node(one.source, channel).words(model), one.node.words(model), one.source, channel,
            float(one.effects[channel]), float(one.effects[channel]) / one.value if one.value else None,
            float(one.first_order[channel]),
        )
        for one in steps
        for channel in one.top
    ]  # fmt: skip
    return Circuit(
        pandas.DataFrame(nodes, columns=columns),
        pandas.DataFrame(edges, columns=["source", "target", "layer", "channel", "effect", "share", "first_order"]),
    )


def _where(node: Node) -> tuple[int | None, int | None, int | None]:
    """Return row, column and token."""
    return (*(node.place or (None, None)), node.token)
