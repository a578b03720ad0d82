"""Layout of a layer's output: which axes are channels, and which are places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Kind = Literal["map", "map_last", "tokens", "tokens_first", "vector", "none"]
_CHANNEL_AXIS: dict[Kind, int] = {"map": -3, "map_last": -1, "tokens": -1, "tokens_first": -2}


@dataclass(frozen=True)
class Layout:
    """Reading of a layer's output as channel maps.

    ``kind`` is "map" for (N, C, H, W), "map_last" for (N, H, W, C), "tokens" for (N, T, D), "tokens_first" for
    (N, D, T), "vector" where there is one place only ((N, D), and with further axes of length 1), "none"
    where no channels can be shown; ``reason`` then says why. ``prefix`` tokens come before the first place.
    """

    kind: Kind
    height: int = 1
    width: int = 1
    prefix: int = 0
    reason: str = ""

    @property
    def tokens(self) -> int:
        """Number of tokens, places and prefix together."""
        return self.prefix + self.height * self.width

    @property
    def has_places(self) -> bool:
        """True if a channel is a map, not a number."""
        return self.kind not in ("vector", "none")

    def maps(self, output: Tensor) -> Tensor:
        """Return ``output``, or a gradient of its shape, as (N, C, h, w): a view, its prefix tokens left out.

        A vector has 1 × 1 maps. ValueError where the kind is "none".
        """
        if self.kind == "map":
            return output
        if self.kind == "map_last":
            return output.movedim(-1, 1)
        if self.kind == "vector":
            # all of it is channels: where it came with further axes they are of length one
            return output.flatten(1)[:, :, None, None]
        if self.kind == "none":
            raise ValueError(self.reason)
        tokens = output.transpose(1, 2) if self.kind == "tokens" else output
        return tokens[:, :, self.prefix :].unflatten(2, (self.height, self.width))

    def places(self, output: Tensor) -> Tensor:
        """Return ``output`` as (N, C, h·w): channels by places, row by row."""
        return self.maps(output).flatten(2)

    def by_channel(self, output: Tensor) -> Tensor:
        """Return ``output`` (N, …) as (N, C, rest), prefix tokens among the rest. ValueError for kind "none"."""
        if self.kind == "none":
            raise ValueError(self.reason)
        if self.kind == "vector":
            return output.flatten(1)[:, :, None]
        return output.movedim(_CHANNEL_AXIS[self.kind], 1).flatten(2)

    def per_channel(self, values: Tensor, output: Tensor) -> Tensor:
        """Return (C,) or (N, C) ``values``, one per channel, in a shape that broadcasts against ``output``.

        Prefix tokens belong to their channel as places do. ValueError where the kind is "none".
        """
        if self.kind == "none":
            raise ValueError(self.reason)
        # one row broadcasts over the batch; one for each picture is what switching channel after channel in one batch
        # takes
        rows = values[None] if values.ndim == 1 else values
        if self.kind == "vector":
            return rows.reshape(len(rows), *output.shape[1:])
        axis = output.ndim + _CHANNEL_AXIS[self.kind]
        shape = [1] * output.ndim
        shape[0], shape[axis] = rows.shape
        return rows.reshape(shape)

    def channels(self, shape: tuple[int, ...]) -> int:
        """Return the number of channels of an output of ``shape`` (batch axis included); 0 for kind "none"."""
        if self.kind == "vector":
            return math.prod(shape[1:])
        axis = _CHANNEL_AXIS.get(self.kind)
        return 0 if axis is None else int(shape[axis])
