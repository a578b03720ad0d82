"""Parametrisations: coefficients from which a picture is computed, optimised instead of pixels.

A parametrisation draws coefficients for one picture and turns a batch of them into pictures in 0…1. The same
gradient gives other pictures in other coordinates: in pixels it gives noise, in Fourier coefficients scaled as
photographs are (amplitude 1/frequency), with colour axes uncorrelated as in photographs, it gives surfaces.
Olah et al., Feature Visualization, Distill 2017; fixed spectrum: Fel et al., MACO, NeurIPS 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

_PLAIN = {"dtype": torch.float32, "device": "cpu"}
"""Independent of torch's defaults: the same seed gives the same picture."""
# Square root of the covariance of colours in ImageNet's photographs (Olah et al.), as in lucid.
_COLOURS = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], **_PLAIN)
COLOUR_AXES = _COLOURS / _COLOURS.norm(dim=0).max()
_START = 0.01


class Parametrisation(Protocol):
    """Protocol of whatever makes pictures from coefficients."""

    @property
    def pace(self) -> float:
        """Distance its coefficients have to go, relative to Fourier coefficients."""

    def start(self, generator: torch.Generator) -> Tensor:
        """Return the coefficients of one picture, no batch axis; on the CPU, float32."""

    def pictures(self, coefficients: Tensor) -> Tensor:
        """Return pictures (N, 3 or 1, H, W) in 0…1 of coefficients (N, …); differentiable."""


@dataclass(frozen=True)
class Canvas:
    """Size, colours and base that pictures have in common, whatever their coefficients."""

    size: tuple[int, int]
    """(height, width)."""
    colours: int = 3
    """1 for networks that see gray."""
    decorrelate: bool = True
    decay: float = 1.0
    base: Tensor | None = None
    """(1 or N, colours, H, W) in 0…1: a photograph to which the coefficients add; left out, mid-gray."""

    def squashed(self, values: Tensor) -> Tensor:
        """Squash unbounded values (N, colours, H, W) to pictures in 0…1."""
        if self.decorrelate and self.colours == 3:
            values = torch.einsum("rc,nchw->nrhw", COLOUR_AXES.to(values), values)
        if self.base is not None:
            # a photograph's black and white are infinite before the squashing
            values = values + torch.logit(self.base.to(values).clamp(0.02, 0.98))
        return torch.sigmoid(values)

    def amplitudes(self) -> Tensor:
        """Return (H, W // 2 + 1) amplitudes: 1/frequency to the power of ``decay``; the lowest is left out."""
        height, width = self.size
        frequency = torch.hypot(torch.fft.fftfreq(height, **_PLAIN)[:, None], torch.fft.rfftfreq(width, **_PLAIN)[None])
        # the lowest frequency is one period a side: the mean's would be infinite
        return 1 / frequency.clamp(min=1 / max(height, width)) ** self.decay


class Fourier:
    """Parametrisation by Fourier coefficients, their amplitudes scaled as those of photographs."""

    pace = 1.0

    def __init__(self, canvas: Canvas) -> None:
        self.canvas, self._amplitudes = canvas, canvas.amplitudes()

    def start(self, generator: torch.Generator) -> Tensor:
        shape = (self.canvas.colours, *self._amplitudes.shape, 2)
        return _START * torch.randn(shape, generator=generator, **_PLAIN)

    def pictures(self, coefficients: Tensor) -> Tensor:
        self._amplitudes = self._amplitudes.to(coefficients.device)
        spectrum = torch.view_as_complex(coefficients) * self._amplitudes
        return self.canvas.squashed(torch.fft.irfft2(spectrum, s=self.canvas.size, norm="ortho") / 4)


class Pixels:
    """Parametrisation by the pixels themselves: the classical variant, which needs regularisers."""

    pace = 2.0

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas

    def start(self, generator: torch.Generator) -> Tensor:
        return _START * torch.randn((self.canvas.colours, *self.canvas.size), generator=generator, **_PLAIN)

    def pictures(self, coefficients: Tensor) -> Tensor:
        return self.canvas.squashed(coefficients)


class Phases:
    """Parametrisation by phases under a fixed spectrum: contrast at every scale is that of a photograph."""

    # Radians.
    pace = 6.0
    # Of the values before squashing: about the contrast of a photograph.
    contrast = 1.0

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        amplitudes = canvas.amplitudes()
        amplitudes[0, 0] = 0
        height, width = canvas.size
        # Each column but the outermost stands for two of the full spectrum.
        twice = torch.full((amplitudes.shape[1],), 2.0, **_PLAIN)
        twice[0] = 1
        if width % 2 == 0:
            twice[-1] = 1
        power = (amplitudes**2 * twice).sum() / (height * width)
        self._amplitudes = amplitudes * (self.contrast / power.sqrt())

    def start(self, generator: torch.Generator) -> Tensor:
        shape = (self.canvas.colours, *self._amplitudes.shape)
        return torch.pi * (2 * torch.rand(shape, generator=generator, **_PLAIN) - 1)

    def pictures(self, coefficients: Tensor) -> Tensor:
        self._amplitudes = self._amplitudes.to(coefficients.device)
        spectrum = torch.polar(self._amplitudes.expand_as(coefficients), coefficients)
        return self.canvas.squashed(torch.fft.irfft2(spectrum, s=self.canvas.size, norm="ortho"))


@dataclass(frozen=True)
class Latent:
    """Parametrisation by a generator: any callable that makes pictures from latents.

    decode: differentiable, latents (N, *shape) → pictures (N, 3 or 1, H, W) in 0…1. shape: of one latent.
    spread: standard deviation of the latents it starts from. pace: how much longer than the recipe's its steps are.
    """

    decode: Callable[[Tensor], Tensor]
    shape: tuple[int, ...]
    spread: float = 1.0
    pace: float = 2.0

    def start(self, generator: torch.Generator) -> Tensor:
        return self.spread * torch.randn(self.shape, generator=generator, **_PLAIN)

    def pictures(self, coefficients: Tensor) -> Tensor:
        return self.decode(coefficients).clamp(0, 1)


PARAMETRISATIONS: dict[str, Callable[[Canvas], Parametrisation]] = {
    "fourier": Fourier,
    "pixel": Pixels,
    "phase": Phases,
}
