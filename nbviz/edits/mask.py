"""Mask: a part of the picture, pixel by pixel, as a hashable value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nbviz.arrays import array_of
from nbviz.errors import NbvizError
from nbviz.model.region import MaskLike


@dataclass(frozen=True)
class Mask:
    """A set of pixels of the network's input."""

    height: int
    width: int
    bits: bytes
    """Rows of pixels from the upper left, eight a byte."""

    @classmethod
    def of(cls, pixels: MaskLike | Mask) -> Mask:
        """Make a mask of an array or tensor (H, W): non-zero is in it. Raises NbvizError for any other shape."""
        if isinstance(pixels, Mask):
            return pixels
        array = array_of(pixels) if isinstance(pixels, torch.Tensor) else np.asarray(pixels)
        if array.ndim != 2 or not array.size or array.dtype == object:
            raise NbvizError(f"A mask is an array (H, W), not one of shape {array.shape}.")
        if array.dtype.kind in "fc" and np.isnan(array).any():
            raise NbvizError("The mask holds NaN: a pixel is in it (not zero) or outside of it (zero).")
        return cls(array.shape[0], array.shape[1], np.packbits(array != 0).tobytes())

    @classmethod
    def box(cls, size: tuple[int, int], top: int, left: int, bottom: int, right: int) -> Mask:
        """Make the mask of a rectangle; size: (H, W) of the picture, the rest in pixels, the last ones left out."""
        pixels = np.zeros(size, bool)
        pixels[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = True
        return cls.of(pixels)

    @property
    def pixels(self) -> np.ndarray:
        """Return the mask as booleans (H, W)."""
        flat = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=self.height * self.width)
        return flat.reshape(self.height, self.width).astype(bool)

    @property
    def share(self) -> float:
        """Share of the picture that is in the mask, 0…1."""
        return float(self.pixels.mean())

    def over(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mask as booleans (1, 1, H, W) for an input (1, C, H, W). Raises NbvizError where sizes differ."""
        if (self.height, self.width) != tuple(x.shape[2:]):
            raise NbvizError(
                f"The mask is {self.height} × {self.width} pixels, the network's input "
                f"{x.shape[2]} × {x.shape[3]}: a mask has the input's size."
            )
        return torch.from_numpy(self.pixels).to(x.device)[None, None]

    def __repr__(self) -> str:
        rows, columns = np.nonzero(self.pixels)
        if not len(rows):
            return f"Mask({self.height} × {self.width}, nothing)"
        # bounds and centre: masks of one size at two places are not one
        spans = " and ".join(
            f"{name} {places.min()}–{places.max()} (mean {places.mean():.2f})"
            for name, places in (("rows", rows), ("columns", columns))
        )
        return f"Mask({self.height} × {self.width}, {len(rows)} pixels, {self.share:.1%} of it, in {spans})"
