"""Edit of channels of a layer: switched off, scaled or clamped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from nbviz.arguments import channel_number, layer_name, listed, real, whole
from nbviz.edits.base import edit
from nbviz.errors import NbvizError
from nbviz.model.edit import Editable, NetworkEdit
from nbviz.model.layers import Layer
from nbviz.model.layouts.layout import Layout
from nbviz.replica.hooks import edit_output

V = TypeVar("V")
Fill = str | tuple[float, ...]


@edit("Channels")
@dataclass(frozen=True)
class Channels(NetworkEdit):
    """Switch channels of a layer off, scale or clamp them."""

    layer: str
    """``"layer4.1.conv2"``; ``"relu#1"`` is the first call of ``relu``, a name without a number the last."""
    off: Any = ()
    """Channels switched off."""
    only: Any = None
    """The channels that stay: all others are switched off; None for all."""
    scale: Any = ()
    """Channel → factor, as a mapping."""
    clamp: Any = ()
    """Channel → (low, high), as a mapping; None for no limit."""
    fill: Fill = "zero"
    """Output of a channel that is off: ``"zero"``; ``"mean"``, its own mean over the picture's places; or values,
    one per channel of the layer, such as an index's means over its data set, ``index.means(layer)``.
    """

    def __post_init__(self) -> None:
        # lists and mappings become tuples: an edit is part of cache keys, so it has to be hashed
        plain = object.__setattr__
        plain(self, "layer", layer_name(self.layer))
        plain(self, "off", _numbers("off", self.off))
        plain(self, "only", None if self.only is None else _numbers("only", self.only))
        plain(self, "scale", tuple((c, _finite("scale", v)) for c, v in _pairs("scale", self.scale)))
        plain(self, "clamp", tuple((c, _limits(v)) for c, v in _pairs("clamp", self.clamp)))
        if not isinstance(self.fill, str):
            plain(self, "fill", tuple(_finite("fill", value) for value in listed("fill", self.fill)))
        elif self.fill not in ("zero", "mean"):
            raise NbvizError(f"fill= is 'zero', 'mean' or one value per channel, not {self.fill!r}.")

    @property
    def words(self) -> str:
        parts = []
        if self.only is not None:
            parts.append(f"only {_listed(self.only)}" if self.only else f"all {self._off_words}")
        if self.off:
            parts.append(f"{_listed(self.off)} {self._off_words}")
        parts += [f"channel {c} × {_figure(v)}" for c, v in self.scale]
        parts += [f"channel {c} {limit_words(*limits)}" for c, limits in self.clamp]
        return f"{self.layer} · {', '.join(parts) or 'unchanged'}"

    @property
    def _off_words(self) -> str:
        if isinstance(self.fill, str):
            return "off" if self.fill == "zero" else "at its mean"
        # its numbers may be another layer's: what is refused is named, too
        one = self.fill[self.off[0]] if len(self.off) == 1 and self.off[0] < len(self.fill) else None
        return "at given values" if one is None else f"at {_figure(one, 3)}"

    def phrases(self, channels: Iterable[int]) -> dict[int, str]:
        """Return those of the channels that it changes → in a phrase: ``"switched off"``, ``"scaled × 2"``."""
        changed = {c: f"scaled × {_figure(v)}" for c, v in self.scale}
        changed |= {c: f"clamped, {limit_words(*limits)}" for c, limits in self.clamp}
        others = () if self.only is None else set(channels) - set(self.only)
        return changed | {c: self._off_phrase(c) for c in (*self.off, *others)}

    def _off_phrase(self, channel: int) -> str:
        if isinstance(self.fill, str):
            return "switched off" if self.fill == "zero" else "at its mean"
        return f"at {_figure(self.fill[channel], 3)}" if channel < len(self.fill) else "at a given value"

    def check(self, model: Editable) -> None:
        """Raise NbvizError where the layer or one of the channels isn't there."""
        layer = model.layer(self.layer)
        count = _channels(layer)
        named = [*self.off, *(self.only or ()), *(c for c, _ in self.scale), *(c for c, _ in self.clamp)]
        for channel in named:
            channel_number(self.layer, channel, count)
        if not isinstance(self.fill, str) and len(self.fill) != count:
            raise NbvizError(f"fill= has {len(self.fill)} values; layer '{self.layer}' has {count} channels.")
        if self.fill == "mean" and layer.places is None:
            raise NbvizError(
                f"A channel of layer '{self.layer}' puts out one value, which is its own mean: fill= is 'zero' "
                "there, or a value per channel."
            )

    def attach(self, net: nn.Module, model: Editable) -> None:
        """Hook the edit on a replica."""
        layer = model.layer(self.layer)
        assert layer.layout is not None
        layout = layer.layout
        edit_output(net, layer.address, lambda tensor: self.of(tensor, layout))

    def of(self, output: Tensor, layout: Layout) -> Tensor:
        """Return a layer's output (N, …) edited; channels that are not named stay to the bit."""
        count = layout.channels(tuple(output.shape))
        if self.scale:
            output = _put(output, layout, dict(self.scale), lambda values, factor: values * factor, count)
        if self.clamp:
            low, high = ({c: pair[end] for c, pair in self.clamp} for end in (0, 1))
            output = _put(output, layout, low, torch.maximum, count)
            output = _put(output, layout, high, torch.minimum, count)
        # last: a channel that is off stays off, whatever else is said of it
        off = set(self.off) | (set() if self.only is None else set(range(count)) - set(self.only))
        return switched_off(output, layout, sorted(off), self.fill) if off else output


def fill_of(model: Editable, layer: str, fill: Fill) -> Fill:
    """Check what a channel of a layer that is off puts out. Raises NbvizError as :class:`Channels` does."""
    edit = Channels(layer, fill=fill)
    edit.check(model)
    return edit.fill


def switched_off(output: Tensor, layout: Layout, off: Iterable[int], fill: Fill = "zero") -> Tensor:
    """Return a layer's output (N, …) with channels off in every picture; fill: as in ``Channels``."""
    count = layout.channels(tuple(output.shape))
    mask = torch.zeros(count, dtype=torch.bool, device="cpu")
    mask[list(off)] = True
    return torch.where(layout.per_channel(mask, output).to(output.device), filling(output, layout, fill), output)


def filling(output: Tensor, layout: Layout, fill: Fill) -> Tensor:
    """Return what a channel that is off puts out, in a shape that broadcasts against ``output`` (N, …)."""
    if fill == "zero":
        return output.new_zeros(())
    if fill == "mean":
        # half precision can't add up a large map
        wide = layout.maps(output).float() if output.dtype in (torch.float16, torch.bfloat16) else layout.maps(output)
        return layout.per_channel(wide.mean((2, 3)).to(output.dtype), output)
    return layout.per_channel(torch.tensor(fill, dtype=output.dtype, device=output.device), output)


def _put(
    output: Tensor, layout: Layout, values: Mapping[int, float], act: Callable[[Tensor, Tensor], Tensor], count: int
) -> Tensor:
    mask = torch.zeros(count, dtype=torch.bool, device="cpu")
    numbers = torch.zeros(count, dtype=torch.float64, device="cpu")
    for channel, value in values.items():
        mask[channel], numbers[channel] = True, value
    there = layout.per_channel(mask, output).to(output.device)
    # where, not a product with ones: channels that are not named stay to the bit, infinite ones too
    return torch.where(there, act(output, layout.per_channel(numbers, output).to(output)), output)


def limit_words(low: float, high: float) -> str:
    """Describe the limits of a clamp: ``"within 0 … 0.5"``, ``"at most 0.5"``."""
    if not math.isfinite(low) or not math.isfinite(high):
        ends = [f"at least {_figure(low)}"] * math.isfinite(low) + [f"at most {_figure(high)}"] * math.isfinite(high)
        return ends[0] if ends else "without limits"
    return f"within {_figure(low)} … {_figure(high)}"


def _figure(value: float, digits: int = 6) -> str:
    return f"{value:.{digits}g}".replace("-", "−")


def _channels(layer: Layer) -> int:
    if not layer.channels:
        raise NbvizError(f"Layer '{layer.name}' has no output with channels to edit: choose one below it.")
    return layer.channels


def _numbers(name: str, given: object) -> tuple[int, ...]:
    numbers = set[int]()
    for value in listed(name, given):
        number = whole(value)
        if number is None:
            raise NbvizError(f"{name}= holds channel numbers, whole ones from 0 on, not {value!r}.")
        numbers.add(number)
    return tuple(sorted(numbers))


def _pairs(name: str, given: Mapping[int, V] | Iterable[tuple[int, V]]) -> list[tuple[int, V]]:
    pairs = given.items() if isinstance(given, Mapping) else given
    values: dict[int, V] = {}
    try:
        for channel, value in pairs:
            number = _numbers(name, [channel])[0]
            # of two values for one channel, nobody can tell which is meant
            if number in values:
                raise NbvizError(f"{name}= names channel {number} twice: a channel has one value.")
            values[number] = value
    except (TypeError, ValueError):
        raise NbvizError(f"{name}= maps channels to values, such as {{17: 2.0}}, not {given!r}.") from None
    return sorted(values.items(), key=lambda pair: pair[0])


def _finite(name: str, value: object) -> float:
    number = real(value)
    if number is None or not math.isfinite(number):
        raise NbvizError(f"{name}= takes finite numbers, not {value!r}.")
    return number


def _limits(value: object) -> tuple[float, float]:
    value = value.tolist() if isinstance(value, (np.ndarray, Tensor)) else value
    pair = value if isinstance(value, (tuple, list)) and len(value) == 2 else ("", "")
    low, high = (end if given is None else real(given) for given, end in zip(pair, (-math.inf, math.inf), strict=True))
    if low is None or high is None or not low <= high:
        raise NbvizError(f"clamp= takes (low, high) with low ≤ high, not {value!r}.")
    return low, high


def _listed(channels: tuple[int, ...]) -> str:
    if len(channels) > 4:
        return f"{len(channels)} channels"
    return f"channel{'s' if len(channels) != 1 else ''} {', '.join(map(str, channels))}"
