"""Colours of a preprocessing: from a picture's colour to the channels, and back.

Nearly every preprocessing maps a pixel's colour to channels by a matrix and an offset: scaling, Normalize,
gray, BGR order. So it isn't read out of the transform but measured: pictures of one colour are sent through
it, their middle pixel gives matrix and offset, and one more colour has to come out as predicted. Where it
doesn't, as with a per-picture contrast, there is no way back and the caller says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

import torch
from PIL import Image

# Of several shapes, to tell a network's fixed size from a shape that follows the picture's.
_PROBES = (
    ((0, 0, 0), (320, 240)),
    ((255, 0, 0), (240, 320)),
    ((0, 255, 0), (256, 256)),
    ((0, 0, 255), (400, 300)),
    ((200, 50, 120), (280, 420)),
)
# Gray is rounded to 8 bits at each probe.
_TOLERANCE = 2.5 / 255


@dataclass(frozen=True, eq=False)
class Colours:
    """Affine map of colours: channels = matrix · rgb + offset, with rgb in 0…1; all float64."""

    matrix: torch.Tensor
    """(C, 3)."""

    offset: torch.Tensor
    """(C,)."""

    @property
    def seen(self) -> int:
        """Number of colours the network tells apart: 3, or 1 where it sees only gray."""
        return 3 if self._rank > 1 else 1

    @cached_property
    def _rank(self) -> int:
        # The rows of a gray conversion are parallel only up to the rounding of the transform.
        return int(torch.linalg.matrix_rank(self.matrix, rtol=1e-3))

    @cached_property
    def _back(self) -> torch.Tensor:
        # Not inv: a network of more than three channels has more rows than a colour has parts.
        return torch.linalg.pinv(self.matrix)

    @cached_property
    def _scale(self) -> torch.Tensor | None:
        """Factors of red, green and blue, (3,), where each channel is of one of them in this order: nearly always."""
        if self.matrix.shape[0] != 3 or not torch.equal(self.matrix, torch.diag(self.matrix.diagonal())):
            return None
        return self.matrix.diagonal().contiguous()

    def colour(self, rgb: torch.Tensor) -> torch.Tensor:
        """Return the channels (C,) of one colour (3,)."""
        return self.matrix @ rgb.double() + self.offset

    def channels(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the network's input (N, C, H, W) of pictures (N, 3 or 1, H, W) in 0…1; differentiable, same type."""
        matrix, offset = (values.to(pictures.dtype).to(pictures.device) for values in (self.matrix, self.offset))
        offset = offset.view(-1, 1, 1)
        if pictures.shape[1] == 1:
            # A gray pixel is the colour whose three parts are equal, so the matrix acts by the sums of its rows.
            return pictures * matrix.sum(1).view(-1, 1, 1) + offset
        # Of the matrix on the CPU: an accelerator would be waited for at every step.
        if self._scale is not None:
            return pictures * matrix.diagonal().view(-1, 1, 1) + offset
        return torch.einsum("cr,nrhw->nchw", matrix, pictures) + offset

    def rgb(self, channels: torch.Tensor) -> torch.Tensor:
        """Return the picture (3, H, W) in 0…1 of an input (C, H, W); gray, three times, where it holds no colour."""
        centred = channels.detach().double().cpu() - self.offset.view(-1, 1, 1)
        if self._rank == 3 and self._scale is not None:
            return centred.div_(self._scale.view(-1, 1, 1))
        if self._rank == 3:
            return torch.einsum("rc,chw->rhw", self._back, centred)
        gray = (centred / self.matrix.sum(1).view(-1, 1, 1)).mean(0)
        return gray.expand(3, -1, -1)


def normalised(mean: tuple[float, ...], std: tuple[float, ...]) -> Colours:
    """Return the colours of (x − mean)/std over 1 or 3 channels."""
    # As float32, which is what the tensor was made with.
    means, stds = (torch.tensor(numbers, dtype=torch.float32, device="cpu").double() for numbers in (mean, std))
    # The weights of PIL's mode "L" (ITU-R 601).
    luma = torch.tensor([[0.299, 0.587, 0.114]], dtype=torch.float64, device="cpu")
    plain = luma if len(mean) == 1 else torch.eye(len(mean), dtype=torch.float64, device="cpu")
    return Colours(plain / stds.view(-1, 1), -means / stds)


def drawn_by_range(channels: torch.Tensor) -> tuple[torch.Tensor, str]:
    """Draw (C, H, W) whose colours have no way back: (3, H, W) in 0…1, and the sentence that says so."""
    low, high = float(channels.min()), float(channels.max())
    note = "" if len(channels) in (1, 3) else f"The mean of {len(channels)} channels is drawn. "
    rgb = (channels if len(channels) == 3 else channels.mean(0, keepdim=True)).expand(3, -1, -1)
    for start, end in ((0.0, 1.0), (-1.0, 1.0)):
        if start <= low and high <= end:
            return (rgb - start) / (end - start), f"{note}Colours are drawn by range, {start:g}…{end:g}."
    return (rgb - low) / (high - low), f"{note}Colours are drawn by range, {low:.3g}…{high:.3g}."


@dataclass(frozen=True)
class Probed:
    """Findings about a transform, from sending pictures of one colour through it."""

    colours: Colours | None
    size: tuple[int, int] | None
    """(height, width), where it doesn't follow the picture's."""


def probe(transform: Callable[[Image.Image], object], mode: str) -> Probed:
    """Measure ``transform``, which is given pictures of PIL's ``mode``."""
    outputs = []
    for colour, size in _PROBES:
        # Whatever a transform refuses here, it tells the user when it meets a real picture.
        try:
            output = transform(Image.new("RGB", size, colour).convert(mode))
        except Exception:
            return Probed(None, None)
        if not _usable(output):
            return Probed(None, None)
        outputs.append(output[0] if output.ndim == 4 else output)
    shapes = {tuple(output.shape) for output in outputs}
    size_seen = next(iter(shapes))[-2:] if len(shapes) == 1 else None
    if len({shape[0] for shape in shapes}) > 1:
        return Probed(None, None)
    return Probed(_fitted([_middle(output) for output in outputs]), size_seen)


def _usable(output: object) -> TypeGuard[torch.Tensor]:
    if not isinstance(output, torch.Tensor) or not output.is_floating_point():
        return False
    return bool((output.ndim == 3 or (output.ndim == 4 and len(output) == 1)) and output.numel() > 0)


def _middle(output: torch.Tensor) -> torch.Tensor:
    # The middle, as a transform may pad: its border is no picture.
    return output[:, output.shape[1] // 2, output.shape[2] // 2].detach().double().cpu()


def _fitted(middles: list[torch.Tensor]) -> Colours | None:
    offset, last = middles[0], middles[-1]
    colours = Colours(torch.stack([middle - offset for middle in middles[1:4]], dim=1), offset)
    error = (colours.colour(torch.tensor(_PROBES[-1][0], device="cpu") / 255) - last).abs()
    # A channel whose row sums to zero sees no gray, and `rgb` divides by the sum.
    sums = colours.matrix.sum(1).abs()
    # Written so that a NaN fails too.
    fits = bool((error <= _TOLERANCE * colours.matrix.abs().sum(1)).all() and (sums > 1e-12).all())
    return colours if fits else None
