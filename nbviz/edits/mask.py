"""Mask: a part of the picture, pixel by pixel, as a hashable value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nbviz.arguments import at_least, listed, whole
from nbviz.arrays import array_of
from nbviz.errors import NbvizError
from nbviz.model.region import MaskLike


@dataclass(frozen=True)
class Mask:
    """A set of pixels of the network's input."""

    height: int
    width: int
    bits: bytes
    """Rows of pixels from the upper left, eight a byte; what is left of the last byte is 0."""

    def __post_init__(self) -> None:
        size = at_least("height", self.height, 1) * at_least("width", self.width, 1)
        if not isinstance(self.bits, bytes) or len(self.bits) != -(-size // 8):
            given = f"{len(self.bits)} bytes" if isinstance(self.bits, bytes) else repr(self.bits)[:80]
            raise NbvizError(f"{self.height} × {self.width} pixels need {-(-size // 8)} bytes, not {given}.")
        # else two masks of the same pixels would not be equal
        spare = -size % 8
        object.__setattr__(self, "bits", self.bits[:-1] + bytes([self.bits[-1] >> spare << spare]))

    @classmethod
    def of(cls, pixels: MaskLike | Mask) -> Mask:
        """Make a mask of an array or tensor (H, W): non-zero is in it. Raises NbvizError for any other shape."""
        if isinstance(pixels, Mask):
            return pixels
        array = _array(pixels)
        if array.ndim != 2 or not array.size:
            raise NbvizError(f"A mask is an array (H, W), not one of shape {array.shape}.")
        if array.dtype.kind not in "biufc":
            raise NbvizError(f"A mask is an array of truth values or numbers, not one of {array.dtype}.")
        if array.dtype.kind in "fc" and np.isnan(array).any():
            raise NbvizError("The mask holds NaN: a pixel is in it (not zero) or outside of it (zero).")
        return cls(array.shape[0], array.shape[1], np.packbits(array != 0).tobytes())

    @classmethod
    def box(cls, size: tuple[int, int], top: int, left: int, bottom: int, right: int) -> Mask:
        """Make the mask of a rectangle; size: (H, W) of the picture, the rest in pixels, the last ones left out."""
        height, width = (at_least("size", length, 1) for length in _pair(size))
        top, left, bottom, right = (_pixel(edge) for edge in (top, left, bottom, right))
        pixels = np.zeros((height, width), bool)
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


def _array(pixels: MaskLike) -> np.ndarray:
    """Return pixels as an array, of a type that numpy has."""
    try:
        if not isinstance(pixels, torch.Tensor):
            return np.asarray(pixels)
        values = pixels.to_dense() if pixels.layout != torch.strided else pixels
        # numpy has no bfloat16, nor eight bits of floats
        return array_of(values.double() if values.is_floating_point() else values)
    except (ValueError, TypeError, RuntimeError) as error:  # rows of several lengths, a tensor without values
        raise NbvizError(f"A mask is an array (H, W); this one can't be read: {error}") from error


def _pair(size: object) -> list[object]:
    lengths = listed("size", size)
    if len(lengths) != 2:
        raise NbvizError(f"size= is the picture's height and width, not {size!r:.80}.")
    return lengths


def _pixel(edge: object) -> int:
    number = whole(edge)
    if number is None:
        raise NbvizError(f"The edges of a box are whole numbers of pixels, not {edge!r:.80}.")
    return number
