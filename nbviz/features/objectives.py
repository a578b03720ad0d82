"""What a picture is made to do: drive a channel, a neuron, a direction, a class; or sums and differences of these.

An objective is a scalar of what layers say of one picture. They add, subtract and scale as numbers do:
``channel("blocks.4", 3) - 0.5 * channel("blocks.8", 17)``; ``-channel(…)`` seeks the other extreme.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nbviz.arguments import channel_number, whole
from nbviz.errors import NbvizError
from nbviz.features.layer_defaults import LEAK, SCORES
from nbviz.model.instrumented import InstrumentedModel

Says = Mapping[str, Tensor]
"""What layers say of one picture: layer → (C, h, w); the class scores (classes,)."""


@dataclass(frozen=True, eq=False)
class Objective:
    """A scalar to be raised."""

    words: str
    layers: tuple[str, ...]
    """Layers it needs; "" are the class scores."""
    of: Callable[[Says], Tensor]
    key: str | None = None
    """Equal for objectives that ask the same; None where that can't be told."""
    straight: bool = True
    """Whether an activation function at the layer's end is passed straight: right for what is to be raised."""

    opposite: Callable[[Says], Tensor] | None = None
    """What ``-objective`` raises, where that is more than minus it."""

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

    def __radd__(self, other: Any) -> Objective:
        return self if other == 0 else NotImplemented  # what sum() begins with

    def __truediv__(self, divisor: float) -> Objective:
        return self * (1 / divisor)

    def __neg__(self) -> Objective:
        return replace(
            self,
            words=f"− {self.words}",
            of=self.opposite or (lambda says: -self.of(says)),
            key=self.key and f"-({self.key})",
            opposite=self.of,
        )


def channel(layer: str, index: int) -> Objective:
    """The mean of a channel over all places, those below zero counting a tenth where there are several.

    Otherwise edges, whose filters give as much below zero as above, would have no picture; minus it is the
    other extreme, places above zero counting a tenth.
    """
    return Objective(
        f"channel {index} of {layer}",
        (layer,),
        lambda says: _leaking_mean(_maps(says, layer, index)),
        str(index),
        opposite=lambda says: _leaking_mean(-_maps(says, layer, index)),
    )


def _maps(says: Says, layer: str, index: int) -> Tensor:
    return says[layer][channel_number(layer, index, len(says[layer]))]


def _leaking_mean(places: Tensor) -> Tensor:
    return functional.leaky_relu(places, LEAK).mean() if places.numel() > 1 else places.mean()


def neuron(layer: str, index: int, place: tuple[int, int] | None = None) -> Objective:
    """A channel at one place (row, column) of the layer's grid; left out, in the middle."""

    def of(says: Says) -> Tensor:
        maps = _maps(says, layer, index)
        row, column = place or (maps.shape[0] // 2, maps.shape[1] // 2)
        if not (0 <= row < maps.shape[0] and 0 <= column < maps.shape[1]):
            raise NbvizError(f"Layer '{layer}' has {maps.shape[0]} × {maps.shape[1]} places here, none at {place}.")
        return maps[row, column]

    place = None if place is None else _place(place)
    where = "middle" if place is None else f"{place[0]},{place[1]}"
    return Objective(f"channel {index} of {layer} at {where}", (layer,), of, f"{index}@{where}")


def _place(place: Any) -> tuple[int, int]:
    numbers = [whole(number) for number in place] if hasattr(place, "__iter__") else []
    if len(numbers) != 2 or None in numbers:
        raise NbvizError(f"A place is (row, column), two whole numbers, not {place!r}.")
    return numbers[0], numbers[1]  # type: ignore[return-value]


def direction(layer: str, vector: Any, *, cosine: float = 0.0) -> Objective:
    """A direction among a layer's channels, mean over places.

    vector: (C,). cosine: the power of the cosine similarity that multiplies the dot product; above 0, pictures
    are asked to be like the vector and not only far along it.
    """
    along = torch.as_tensor(vector, dtype=torch.float32).flatten()

    def of(says: Says) -> Tensor:
        maps = says[layer]
        if len(maps) != len(along):
            raise NbvizError(f"The direction has {len(along)} numbers, but '{layer}' has {len(maps)} channels.")
        unit = functional.normalize(along.to(maps), dim=0)[:, None, None]
        dot = (maps * unit).sum(0)
        if not cosine:
            return dot.mean()
        return (dot * (dot / maps.norm(dim=0).clamp(min=1e-6)).clamp(min=0.1) ** cosine).mean()

    digest = hashlib.blake2b(along.numpy().tobytes(), digest_size=8).hexdigest()
    return Objective(f"a direction of {layer}", (layer,), of, f"direction {digest} {cosine:g}")


def logit(model: Any, target: int | str) -> Objective:
    """A class's raw score; target: index or name. model: an :class:`InstrumentedModel` or any ``nn.Module``."""
    model = InstrumentedModel.ensure(model)
    model.trace()
    index = model.class_index(target) if isinstance(target, str) else whole(target)
    if index is None:
        raise NbvizError(f"A class is given by its index or its name, not by {target!r}.")
    if model.scores is not None and not 0 <= index < model.scores:
        raise NbvizError(f"Class {index} does not exist: classes are 0 to {model.scores - 1}.")
    return Objective(model.class_name(index), (SCORES,), lambda says: says[SCORES][index], f"class {index}")


def energy(layer: str) -> Objective:
    """All that a layer says, as the mean square: what DeepDream raises."""
    return Objective(f"all of {layer}", (layer,), lambda says: says[layer].square().mean(), "energy", straight=False)


def likeness(layer: str, reference: Tensor, power: float = 2.0) -> Objective:
    """Dot product with what the layer said of another picture (C, h, w), place by place, times cosine^power."""

    def of(says: Says) -> Tensor:
        there = _resized(reference.to(says[layer]), says[layer])
        dot = (says[layer] * there).sum(0)
        cosine = dot / (says[layer].norm(dim=0) * there.norm(dim=0)).clamp(min=1e-6)
        return (dot * cosine.clamp(min=0.1) ** power).mean()

    return Objective(f"what {layer} says of the picture, more", (layer,), of, straight=False)


def sameness(layer: str, reference: Tensor) -> Objective:
    """Minus the relative squared distance to what the layer said of another picture (C, h, w)."""

    def of(says: Says) -> Tensor:
        there = _resized(reference.to(says[layer]), says[layer])
        return -(says[layer] - there).square().sum() / there.square().sum().clamp(min=1e-12)

    return Objective(f"what {layer} says of the picture", (layer,), of, straight=False)


def _resized(reference: Tensor, like: Tensor) -> Tensor:
    if reference.shape == like.shape:
        return reference
    return functional.interpolate(reference[None], size=like.shape[1:], mode="bilinear", align_corners=False)[0]


def _joint(a: Objective, b: Objective, words: str) -> Objective:
    key = None
    if a.key and b.key:
        key = f"({'|'.join(a.layers)}:{a.key})+({'|'.join(b.layers)}:{b.key})"
    return Objective(
        words,
        tuple(dict.fromkeys(a.layers + b.layers)),
        lambda says: a.of(says) + b.of(says),
        key,
        a.straight and b.straight,
    )
