"""Region of the picture over which a class's map is averaged: hashable, so that a request may hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch.nn import functional

from nbviz.errors import NbvizError
from nbviz.model.boxes import Box

MaskLike: TypeAlias = ArrayLike | torch.Tensor
"""Mask (H, W) of a part of the picture, non-zero in it, at any resolution: an array, a tensor or rows of numbers."""
PREDICTED, WHOLE = "where it is said", "over the whole picture, for it is said nowhere"


@dataclass(frozen=True)
class Region:
    """Box, or mask of any resolution laid over the whole picture."""

    words: str
    box: Box | None = None
    shape: tuple[int, int] | None = None
    """(H, W) of the mask."""
    bits: bytes = b""
    """The mask, packed row by row."""

    @classmethod
    def of_mask(cls, mask: MaskLike, words: str = "") -> Region:
        """Make a region from a mask (H, W), non-zero where it is."""
        array = np.asarray(mask.detach().cpu() if isinstance(mask, torch.Tensor) else mask)
        if array.ndim != 2 or not array.size:
            raise NbvizError(f"A mask is (H, W), non-zero where the region is, not {array.shape}.")
        array = array != 0
        if not array.any():
            raise NbvizError(f"The mask {array.shape} has no pixel in it: there is nothing to explain.")
        height, width = array.shape
        text = words or f"in a mask of {100 * array.mean():.2g} % of the picture"
        # bytes, for an array has no hash; packed, for it is part of a key in the cache
        return cls(text, shape=(height, width), bits=np.packbits(array).tobytes())

    @classmethod
    def of_box(cls, box: Sequence[float]) -> Region:
        """Make a region from (top, left, bottom, right) in pixels of the network's input."""
        try:
            rectangle = Box(*map(float, box))
        except (TypeError, ValueError) as error:
            raise NbvizError(f"A box is (top, left, bottom, right) in pixels, not {box!r:.60}.") from error
        if not rectangle.area:
            raise NbvizError(f"The box {tuple(rectangle)} is empty: it is (top, left, bottom, right) in pixels.")
        top, left, bottom, right = (f"{edge:g}" for edge in rectangle)
        return cls(f"in rows {top} to {bottom}, columns {left} to {right}", box=rectangle)

    @classmethod
    def whole(cls) -> Region:
        """Return the region of the whole picture."""
        # one cell at any resolution is the whole: it needs no size to be known
        return cls.of_mask(np.ones((1, 1)), WHOLE)

    def mask(self) -> np.ndarray:
        """Mask, bool (H, W) at its own resolution; of a region that is no box."""
        assert self.shape is not None
        flat = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.shape[0] * self.shape[1])
        return flat.reshape(self.shape).astype(bool)

    def weights(self, places: tuple[int, int], size: tuple[int, int]) -> torch.Tensor:
        """Return each place's share in the region's mean, float64 (h, w), sum 1. size: of the network's input."""
        if self.box is not None:
            top, left, bottom, right = self.box
            shares = torch.outer(_overlap(top, bottom, places[0], size[0]), _overlap(left, right, places[1], size[1]))
        else:
            wide = torch.from_numpy(self.mask()).double()[None, None]
            # by area: a place that lies half in the region counts half
            shares = functional.interpolate(wide, size=places, mode="area")[0, 0]
        if not bool(shares.any()):
            raise NbvizError(f"The region ({self.words}) lies outside the picture, {size[0]} × {size[1]} pixels.")
        return shares / shares.sum()


def _overlap(low: float, high: float, places: int, size: int) -> torch.Tensor:
    """Return the share of each of ``places`` cells along ``size`` pixels that lies between two edges."""
    edges = torch.arange(places + 1, dtype=torch.float64, device="cpu") * size / places
    return (edges[1:].clamp(max=high) - edges[:-1].clamp(min=low)).clamp(min=0)
