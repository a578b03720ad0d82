"""First layer that a network calls, and the pictures that layer takes.

Which layer is defined first says nothing: a head may stand before the trunk in ``__init__``. So a forward is run up
to its first convolution, linear layer or matrix product, wherever it is called from, and ended there: no layer is
computed, and a picture of wrong shape does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from nbviz.pictures.network_hints import FirstLayer, flattened
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import Arguments, Enough, Keywords

_CONVOLUTIONS = {torch.conv1d: 1, torch.conv2d: 2, torch.conv3d: 3}
_TRANSPOSED = {torch.conv_transpose1d: 1, torch.conv_transpose2d: 2, torch.conv_transpose3d: 3}
_PRODUCTS = (torch.matmul, torch.mm, torch.Tensor.matmul, torch.Tensor.mm, torch.Tensor.__matmul__)
_LAST = "pictures whose channels come last, x.permute(0, 2, 3, 1)"
_DATA = {1: "sequences (N, C, length)", 3: "volumes or videos (N, C, depth, H, W)"}


@dataclass(frozen=True)
class FirstCall:
    """Call of a layer: its input for a picture (C, H, W), and the input it takes."""

    picture: tuple[int, ...]
    given: int
    """Channels or features of its input."""
    takes: int
    odd: str = ""
    """The data it takes instead of pictures, as text; empty for layers of pictures."""
    key: str | None = None
    """The key that forward asked its input for, as if it were a dictionary."""
    rows: int = 1
    """Rows of its input, where these are numbers and no maps; more than one of a picture cut up, into patches say."""

    @property
    def fitting(self) -> FirstLayer | None:
        """Return the picture, where the layer takes its input for it."""
        channels, height, width = self.picture
        if self.given != self.takes or self.odd or self.key is not None:
            return None
        return FirstLayer(channels, (height, width) if self.flat else None)

    @property
    def flat(self) -> bool:
        """True if the layer was given the whole picture as one list of numbers."""
        return self.given == self.picture[0] * self.picture[1] * self.picture[2]

    def others(self) -> list[FirstLayer]:
        """Return pictures that it may take instead: flattened, in proportion, or with other numbers of channels."""
        channels = self.picture[0]
        flat = flattened(self.takes) if self.flat or self.rows > 1 else None
        if flat is not None:
            return [flat]
        counts = [self.takes - self.given + channels]
        if channels * self.takes % max(self.given, 1) == 0:
            counts.insert(0, channels * self.takes // max(self.given, 1))
        return [FirstLayer(count) for count in counts if count > 0]


def first_call(guest: Guest, x: torch.Tensor) -> FirstCall | None:
    """Run a forward of ``x`` (1, C, H, W) up to its first layer; None where it ends before one is called."""
    watch = _Watch(tuple(x.shape[1:]))

    def work(run: Pass) -> None:
        try:
            with watch:
                # a clone, for a network may write to its input, and a leaf that requires a gradient can't be written to
                run(x.detach().requires_grad_().clone())
        except Enough:
            return

    try:
        guest.trial(work)
    except Exception:  # whoever runs the forward to its end hears what it raised
        return watch.call
    return watch.call


class _Watch(TorchFunctionMode):  # type: ignore[misc]  # torch is read as Any
    def __init__(self, picture: tuple[int, ...]) -> None:
        super().__init__()
        self.picture = picture
        self.call: FirstCall | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Arguments = (), kwargs: Keywords | None = None
    ) -> object:
        kwargs = kwargs or {}
        layer = self._layer(func, args, kwargs)
        if layer is None:
            return func(*args, **kwargs)
        given, call = layer
        # the picture's gradient is what tells its own way through the network from all others
        if given.requires_grad:
            self.call = call
            raise Enough
        # a layer over coordinates or queries, not over the picture; nor are those behind it
        return func(*args, **kwargs).detach()

    def _layer(
        self, func: Callable[..., Any], args: Arguments, kwargs: Keywords
    ) -> tuple[torch.Tensor, FirstCall] | None:
        """Return the input and the call of a function that computes with weights; None for all others."""
        if func is torch.Tensor.__getitem__ and isinstance(args[1], str):
            return args[0], FirstCall(self.picture, 0, 0, key=args[1])
        if func is torch.nn.functional.embedding:
            return args[0], FirstCall(self.picture, 0, 0, "the numbers of tokens")
        if func is torch.nn.functional.batch_norm and isinstance(args[1], torch.Tensor):
            return args[0], FirstCall(self.picture, args[0].shape[1], len(args[1]))
        convolution = _CONVOLUTIONS.get(func) or _TRANSPOSED.get(func)
        if convolution is None and func is not torch._C._nn.linear and func not in _PRODUCTS:
            return None
        x, weight = (args[i] if i < len(args) else kwargs.get(name) for i, name in enumerate(("input", "weight")))
        if not isinstance(x, torch.Tensor) or not isinstance(weight, torch.Tensor):
            return None
        if convolution is not None:
            groups = args[6] if len(args) > 6 else kwargs.get("groups", 1)
            return x, self._convolved(
                x, weight.shape[0] if func in _TRANSPOSED else weight.shape[1] * groups, convolution
            )
        takes = weight.shape[1 if func is torch._C._nn.linear else 0]
        rows = len(x) if x.dim() == 2 else 1
        return (x, FirstCall(self.picture, x.shape[-1], takes, rows=rows)) if weight.dim() == 2 else None

    def _turned(self) -> set[tuple[int, ...]]:
        """Return shapes of the picture after a forward that moves its last axis to the front."""
        channels, height, width = self.picture
        return {(width, channels, height)} | {(height, width, channels)} - {self.picture}

    def _convolved(self, x: torch.Tensor, takes: int, axes: int) -> FirstCall:
        # a picture alone would pass for an unbatched volume
        odd = _DATA[axes] if axes != 2 and tuple(x.shape[1:]) == self.picture else ""
        odd = _LAST if axes == 2 and tuple(x.shape[1:]) in self._turned() and x.shape[1] != takes else odd
        return FirstCall(self.picture, x.shape[-1 - axes] if x.dim() > axes else 0, takes, odd)
