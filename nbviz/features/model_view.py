"""View of a model for made pictures: preprocessing, and a forward that ends at the last layer needed.

A made picture is RGB (or gray) in 0…1 and goes through the model's own preprocessing of colours, as matrix and
offset, so that gradients flow back. Where the network takes only one size, pictures are resized to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd.graph import Node

from nbviz.errors import NbvizError
from nbviz.features.layer_defaults import LEAK, SCORES, counts_places, native_size
from nbviz.features.transforms import warped
from nbviz.model.batches import mixes_batch
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.precision import at_least_single
from nbviz.pictures.colours import Colours
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import Enough, record_layers
from nbviz.replica.memory import out_of_memory

# Elementwise: their gradient in what goes in has the shape of that in what comes out.
_ACTIVATIONS = (
    "Relu", "Hardtanh", "Clamp", "ClampMin", "Threshold", "LeakyRelu", "Elu", "Silu", "Gelu", "Hardswish", "Mish",
    "Softplus", "Sigmoid", "Hardsigmoid", "Tanh",
)  # fmt: skip
# They move, pool or reshape what an activation function put out, and leave it what it is.
_CARRIERS = (
    "View", "UnsafeView", "ReshapeAlias", "AsStrided", "Transpose", "Permute", "Squeeze", "Unsqueeze", "Slice",
    "Select", "Clone", "Mean", "Sum", "AvgPool2D", "AdaptiveAvgPool2D", "MaxPool2DWithIndices", "AdaptiveMaxPool2D",
)  # fmt: skip


def colours_of(model: InstrumentedModel) -> Colours:
    """Return the preprocessing's map of colours; where it has none, values 0…1 are taken as they are.

    Raises NbvizError for a network whose channels no picture has.
    """
    channels, transform = model.transform.channels, model.transform
    if channels not in (1, 3):
        raise NbvizError(f"The network takes {channels} channels, which no picture has: none can be made for it.")
    if transform.colours is not None and len(transform.colours.offset) == channels:
        return transform.colours
    like = torch.zeros(1, channels, 1, 1, dtype=torch.float64, device="cpu")
    try:
        black = transform.constant(like).flatten()
        axes = [transform.constant(like, tuple(rgb)).flatten() for rgb in torch.eye(3, device="cpu").tolist()]
    except NbvizError:
        plain = like.new_full((1, 3), 1 / 3) if channels == 1 else torch.eye(3, dtype=like.dtype, device="cpu")
        return Colours(plain, like.flatten())
    return Colours(torch.stack([axis - black for axis in axes], dim=1), black)


class ModelView:
    """Network of one pass, as made pictures are shown to it."""

    def __init__(self, model: InstrumentedModel, run: Pass) -> None:
        self.model, self.run = model, run
        self.colours = colours_of(model)
        self.resized: tuple[int, int] | None = None
        """(height, width) pictures are resized to, where the network takes no other."""

    def fit(self, size: tuple[int, int], layers: Sequence[str]) -> None:
        """Find out whether the network takes pictures of this size, else resize to the one it is used with."""
        native = native_size(self.model)  # first: it settles for which size layers are known
        if any(counts_places(self.model.layer(name)) for name in layers if name):
            self.resized = native
        elif size != native:
            try:
                # tried, for whether another size is taken is in no attribute of a network
                gray = torch.full((1, self.colours.seen, *size), 0.5, dtype=torch.float32, device=self.run.device)
                with torch.no_grad():
                    self.look(gray, layers)
            except Exception as error:  # a network's forward can raise anything
                if out_of_memory(error):
                    raise
                self.resized = native

    def input(self, pictures: Tensor, warps: Tensor | None = None) -> Tensor:
        """Return the network's input (N, C, h, w) for pictures (N, 3 or 1, H, W) in 0…1, warped; differentiable."""
        channels = self.colours.channels(warped(pictures, warps, self.resized)).to(self.model.guest.dtype)
        # a third to two thirds of the time at 24 pictures, and the same values
        return channels.contiguous(memory_format=torch.channels_last)

    def look(
        self, pictures: Tensor, layers: Sequence[str], warps: Tensor | None = None, straight: bool = False
    ) -> dict[str, Tensor]:
        """Return layer → its channels' maps (N, C, h, w), :data:`SCORES` → (N, classes); see :func:`outputs`."""
        return outputs(self.model, self.run, self.input(pictures, warps), layers, straight)


def outputs(
    model: InstrumentedModel, run: Pass, x: Tensor, layers: Sequence[str], straight: bool = False
) -> dict[str, Tensor]:
    """Return layers' outputs for the network's input ``x``, from a forward cut at the last; float32 at least.

    straight: where the deepest layer's own activation function holds the gradient back, a share (``LEAK``) passes:
    a ReLU that is off would give none at all, and a saturated one neither.
    """
    if len(x) > 1 and mixes_batch(model, run, x):
        rows = [outputs(model, run, row, layers, straight) for row in x.split(1)]
        return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
    addresses = {name: model.layer(name).address for name in layers if name}
    names = {address: name for name, address in addresses.items()}
    tensors: dict[str, Tensor] = {}
    overwritten = model.trace().overwritten

    def keep(name: str, tensor: Tensor) -> None:
        # the last of them needs no clone: nothing runs after it that could overwrite it
        last = len(tensors) == len(names) - 1 and SCORES not in layers
        if last and straight:
            _leak(tensor)
        tensors[name] = _maps(model, name, tensor if last or addresses[name] not in overwritten else tensor.clone())
        if last:
            raise Enough

    with record_layers(run.net, names, keep):
        try:
            output = model.evaluate(run, x)
        except Enough as enough:
            enough.__traceback__ = None  # it holds the frames of the forward, and so its tensors
        else:
            tensors[SCORES] = at_least_single(output.logits)
    missing = [name for name in layers if name not in tensors]
    if missing:
        raise NbvizError(f"Layer '{missing[0]}' was not reached in this forward.")
    return tensors


def _maps(model: InstrumentedModel, name: str, tensor: Tensor) -> Tensor:
    layout = model.layer(name).layout
    assert layout is not None
    return at_least_single(layout.maps(tensor))


def _leak(tensor: Tensor) -> None:
    node: Node | None = tensor.grad_fn
    while node is not None and _kind(node) in _CARRIERS and node.next_functions:
        node = node.next_functions[0][0]
    if node is not None and _kind(node) in _ACTIVATIONS:
        node.register_hook(_leaking)


def _kind(node: Node) -> str:
    return node.name().rstrip("0123456789").removesuffix("Backward")


def _leaking(inner: tuple[Tensor | None, ...], outer: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    if inner[0] is None or outer[0] is None:
        return inner
    return (inner[0] + LEAK * (outer[0] - inner[0]), *inner[1:])
