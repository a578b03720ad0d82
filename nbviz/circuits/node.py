"""Node of a circuit: a class's score, or one channel at one place, read before its non-linearity.

Behind a non-linearity a channel that fires fully has no gradient and barely moves: ReLU6 stands at 6.0 whatever comes.
So the value is read where the non-linearity takes it in, if a module applies it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.model.layouts.layout import Layout
from nbviz.model.target import Target
from nbviz.passes.feature_maps import channel_layer, layer_output
from nbviz.passes.subject import Subject, record
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import Address, Enough, cut, hooked, input_at, modules_of, output_at

ELEMENTWISE = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus,
    nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh,
)  # fmt: skip
"""Non-linearities that act on every value by itself: what goes in is laid out as what comes out."""


@dataclass(frozen=True)
class Node:
    """Scalar of a network that can be walked to."""

    layer: str
    """Empty for a class's score."""
    channel: int
    """The class's index where there is no layer."""
    place: tuple[int, int] | None = None
    """(row, column) on the layer's own grid; None for a score, for layers without places, and where ``token`` is."""
    token: int | None = None
    """Token before the first place, from 0, such as the class token."""

    @property
    def is_score(self) -> bool:
        """True if it is a class's score."""
        return not self.layer

    def words(self, model: InstrumentedModel) -> str:
        """Node in a phrase: ``"score of tiger cat"``, ``"blocks.15 · 261"``."""
        return f"score of {model.class_name(self.channel)}" if self.is_score else f"{self.layer} · {self.channel}"


class NodeReader:
    """Reads a node in a forward that ends there."""

    def __init__(self, model: InstrumentedModel, node: Node, x: Tensor) -> None:
        """x: an input (1, C, H, W), in whose forward the layer's non-linearity is looked for."""
        self._model, self._node = model, node
        self.before = False
        """True if the value is that before a non-linearity."""
        if not node.is_score:
            self._layer = channel_layer(model, node.layer)
            address = self._layer.address
            maker = model.guest.steady(lambda run: _maker(run, x, address))
            self.before = maker is not None
            self._at = address if maker is None else maker

    def __call__(self, run: Pass, batch: Tensor) -> Tensor:
        """Return the node's value for every picture of a batch (N, C, H, W): (N,), differentiable if the batch is."""
        return self.values(run, batch, (self._node,))[:, 0]

    def values(self, run: Pass, batch: Tensor, nodes: Sequence[Node]) -> Tensor:
        """Return the values of nodes of the node's own layer, (N, nodes), by one forward for all of them."""
        if self._node.is_score:
            # where they are read in every pass: a network that ends in a softmax has logits before it
            scores, classes = self._model.evaluate(run, batch).logits, [node.channel for node in nodes]
            if not max(classes) < scores.shape[1]:  # the head may have been replaced since the node was chosen
                raise NbvizError(f"Class {max(classes)} is not among the network's {scores.shape[1]} scores.")
            return scores[:, classes]
        tensor_at = input_at if self.before else output_at
        tensor = tensor_at(run.net, self._at, lambda: run(batch))
        if tensor is None:
            raise NbvizError(f"Layer '{self._node.layer}' was not reached in this forward.")
        assert self._layer.layout is not None
        return torch.stack([_value(tensor, node, self._layer.layout) for node in nodes], 1)


def _value(output: Tensor, node: Node, layout: Layout) -> Tensor:
    if node.token is not None:
        return layout.by_channel(output)[:, node.channel, node.token]
    row, column = node.place or (0, 0)
    return layout.maps(output)[:, node.channel, row, column]


def _maker(run: Pass, x: Tensor, address: Address) -> Address | None:
    """Return the non-linearity, and which call of it, whose output is what the layer puts out at that call."""
    modules = modules_of(run.net)
    outputs: dict[int, Address] = {}
    held: list[Tensor] = []  # else an id may be another tensor's before the forward ends
    makers: list[Address | None] = []

    def leave(name: str, call: int, tensor: Tensor) -> None:
        if isinstance(modules[name], ELEMENTWISE):
            held.append(tensor)
            outputs[id(tensor)] = (name, call)
        if (name, call) == address:
            makers.append(outputs.get(id(tensor)))
            raise Enough  # what comes behind the layer is not needed

    with torch.no_grad(), hooked(modules, leave):
        cut(lambda: run(x))
    return makers[0] if makers else None


def strongest(model: InstrumentedModel, x: Tensor, layer: str, channel: int, index: int | None = None) -> Node:
    """Return the node of a channel at the place, or the token, where it is strongest for the input (1, C, H, W).

    index: a class; of tokens only those count that its score depends on: what others hold in the last block of a
    transformer that reads its class token is read by nobody.
    """
    return strongest_each(model, x, layer, (channel,), index)[0]


def strongest_each(
    model: InstrumentedModel, x: Tensor, layer: str, channels: Sequence[int], index: int | None = None
) -> list[Node]:
    """Return the node of each channel as :func:`strongest` does, by one forward for all of them."""
    known = channel_layer(model, layer)
    layout = known.layout
    assert layout is not None

    def work(run: Pass) -> list[int]:
        with torch.no_grad():
            values = layout.by_channel(layer_output(model, run, x, layer))[0, list(channels)]
        if layout.prefix and index is not None:
            values = values.masked_fill(~_read_tokens(model, run, x, known, index), -torch.inf)
        found: list[int] = values.argmax(1).tolist()
        return found

    return [_node(layer, channel, at, layout) for channel, at in zip(channels, model.guest.steady(work), strict=True)]


def _node(layer: str, channel: int, at: int, layout: Layout) -> Node:
    """Return the node of a channel, ``at`` tokens and places from the first."""
    if not layout.has_places:
        return Node(layer, channel)
    if at < layout.prefix:
        return Node(layer, channel, token=at)
    row, column = divmod(at - layout.prefix, layout.width)
    return Node(layer, channel, (row, column))


def _read_tokens(model: InstrumentedModel, run: Pass, x: Tensor, layer: Layer, index: int) -> Tensor:
    """Return which tokens of a layer a class's score depends on, (tokens,); all where it depends on none."""
    assert layer.layout is not None
    subject = Subject(model, run, x, Target(index=index))
    scores, activations = record(subject, subject.leaf(x), layer.name)
    # exactly zero where no path leads: attention and heads that skip a token leave no trace of it in the gradient
    read = layer.layout.by_channel(activations[layer.name].slope(scores))[0].abs().sum(0) > 0
    return read if read.any() else torch.ones_like(read)
