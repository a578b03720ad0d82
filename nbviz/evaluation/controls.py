"""Controls: maps that know nothing of the network, and that a method has to beat.

Edges are where the picture changes, the centre is where photographers put things, and random is a field as
smooth as the map it stands beside: a rougher or smoother one would be a straw man.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

NAMES = ("random", "edges", "centre")
"""Of the controls, as tables have them."""


def edges(x: torch.Tensor) -> torch.Tensor:
    """Length of the gradient of a picture (1, C, H, W), mean over channels, by Sobel: (H, W) float64, ≥ 0."""
    # replicated: a black border would be the strongest edge of most pictures
    gray = functional.pad(x.detach().double().cpu().mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64, device="cpu")
    across, down = (functional.conv2d(gray, kernel[None, None])[0, 0] for kernel in (sobel, sobel.T))
    return torch.hypot(across, down)


def centre(size: tuple[int, int]) -> torch.Tensor:
    """Return a round blob in the middle, σ a quarter of each side: (H, W) float64 in 0…1."""
    rows, columns = (
        torch.exp(-0.5 * ((torch.arange(length, dtype=torch.float64, device="cpu") + 0.5) / length * 4 - 2).square())
        for length in size
    )
    return rows[:, None] * columns


def random_like(values: torch.Tensor, seed: int) -> torch.Tensor:
    """Draw a random map with the spectrum of ``values`` (h, w): the same smoothness, mean and spread."""
    values = values.double()
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(values.shape, generator=generator, dtype=torch.float64, device="cpu")
    # the phases of white noise keep the symmetry that a real map's spectrum has
    spectrum = torch.fft.rfft2(noise)
    phases = spectrum / spectrum.abs().clamp(min=1e-30)
    # the mean has no phase, only a sign, which is put back at the end
    phases[0, 0] = 1
    return torch.fft.irfft2(torch.fft.rfft2(values).abs() * phases, s=values.shape) + _sign(values)


def _sign(values: torch.Tensor) -> float:
    """Restore the sign of the mean, of which only the modulus was in the spectrum."""
    mean = float(values.mean())
    return 2 * mean if mean < 0 and not math.isclose(mean, 0) else 0.0
