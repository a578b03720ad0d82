"""Objective: the scalar that a made picture raises, and the registry of its kinds.

An objective is a scalar of what layers say of one picture. They add, subtract and scale as numbers do:
``channel("blocks.4", 3) - 0.5 * channel("blocks.8", 17)``; ``-channel(…)`` seeks the other extreme.

A kind of objective is a function of a file, or of a notebook cell, under :func:`objective`::

    @objective
    def contrast(layer: str, index: int) -> Objective:
        "How much a channel varies from place to place."
        return Objective(f"contrast of channel {index} of {layer}", (layer,), lambda says: says[layer][index].std())

``visualize(model, "blocks.4", [3, 5], objective="contrast")`` asks for it channel by channel.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from types import MappingProxyType
from typing import TypeVar, cast

from torch import Tensor
from torch.nn import functional

from nbviz.arguments import channel_number, one_of
from nbviz.errors import NbvizError
from nbviz.features.code_key import code_key
from nbviz.replica.watching.identity import is_plain

Says = Mapping[str, Tensor]
"""Layers' outputs for one picture: layer → (C, h, w); the class scores (classes,)."""


@dataclass(frozen=True, eq=False)
class Objective:
    """Scalar to be raised."""

    words: str
    layers: tuple[str, ...]
    """Layers it needs; "" are the class scores."""
    of: Callable[[Says], Tensor]
    key: str | None = None
    """Equal for objectives that ask the same; None where that can't be told."""
    straight: bool = True
    """True where gradients pass an activation function at the layer's end: right for an output to be raised."""

    opposite: Callable[[Says], Tensor] | None = None
    """Scalar of ``-objective``, where that is more than minus it."""

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return _joint(self, other, f"{self.words} + {other.words}")

    def __sub__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return _joint(self, -other, f"{self.words} − {other.words}")

    def __mul__(self, factor: float) -> Objective:
        return replace(
            self,
            words=f"{factor:g} × {self.words}",
            of=lambda says: factor * self.of(says),
            key=self.key and f"{factor!r}*({self.key})",
            opposite=None,
        )

    __rmul__ = __mul__

    def __radd__(self, other: object) -> Objective:
        return self if other == 0 else NotImplemented  # what sum() begins with

    def __truediv__(self, divisor: float) -> Objective:
        return self * (1 / divisor)

    def __neg__(self) -> Objective:
        return replace(
            self,
            words=f"− {self.words}",
            of=self.opposite or (lambda says: -self.of(says)),
            key=self.key and f"-({self.key})",
            # minus twice is the first again, to the bit, and found on disk as that
            opposite=self.of,
        )


def _joint(a: Objective, b: Objective, words: str) -> Objective:
    key = None
    if a.key and b.key:
        # with the layers: equal keys of two layers are two objectives
        key = f"({'|'.join(a.layers)}:{a.key})+({'|'.join(b.layers)}:{b.key})"
    return Objective(
        words,
        tuple(dict.fromkeys(a.layers + b.layers)),
        lambda says: a.of(says) + b.of(says),
        key,
        a.straight and b.straight,
    )


@dataclass(frozen=True)
class Kind:
    """Registered kind of objective."""

    name: str
    make: Callable[..., Objective]
    sentence: str
    """The first line of its docstring."""
    by_channel: bool
    """True where it is made of a layer and a channel's number."""


_kinds: dict[str, Kind] = {}
OBJECTIVES = MappingProxyType(_kinds)
"""Name → kind of objective."""
Make = TypeVar("Make", bound=Callable[..., Objective])


def objective(make: Make) -> Make:
    """Register a function that makes objectives, under its own name.

    An objective without a key gets one of the function's code and arguments where these are numbers and strings, so
    that its pictures are kept on disk; changed code makes them anew.
    """
    sentence = inspect.getdoc(make)
    if not sentence:
        raise NbvizError(f"Objective '{make.__name__}' needs a docstring: its first line is what a person reads.")
    signature = inspect.signature(make)

    @wraps(make)
    def keyed(*args: object, **options: object) -> Objective:
        result = make(*args, **options)
        # an objective that knows its own key keeps it: it may be equal to one made in another way
        return result if result.key is not None else replace(result, key=_key(make, signature.bind(*args, **options)))

    by_channel = [*signature.parameters][:2] == ["layer", "index"]
    _kinds[make.__name__] = Kind(make.__name__, keyed, sentence.splitlines()[0], by_channel)
    return cast(Make, keyed)


def kind_by_channel(name: str) -> Kind:
    """Return the registered kind made from a layer and a channel's number. NbvizError for any other name."""
    name = one_of("objective", name, _kinds)
    if not _kinds[name].by_channel:
        known = ", ".join(repr(kind.name) for kind in _kinds.values() if kind.by_channel)
        raise NbvizError(
            f"objective='{name}' is not asked for channel by channel, as {known} are: pass what "
            f"nbviz.features.OBJECTIVES['{name}'].make(…) returns as channels=."
        )
    return _kinds[name]


def _key(make: Callable[..., Objective], given: inspect.BoundArguments) -> str | None:
    given.apply_defaults()
    values = list(given.arguments.values())
    if not all(map(is_plain, values)):
        return None
    try:
        return f"{make.__name__} {values!r} {code_key(make)}"
    except ValueError:  # what it depends on can't be told from another: nothing is kept
        return None


def channel_maps(says: Says, layer: str, index: int) -> Tensor:
    """Return a channel's map (h, w)."""
    return says[layer][channel_number(layer, index, len(says[layer]))]


def resized_like(reference: Tensor, like: Tensor) -> Tensor:
    """Resize maps (C, h, w) to the size of others."""
    if reference.shape == like.shape:
        return reference
    return functional.interpolate(reference[None], size=like.shape[1:], mode="bilinear", align_corners=False)[0]
