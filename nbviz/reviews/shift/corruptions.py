"""Corruptions of a picture by light, weather, sensor and file, in five severities.

Parameters are ImageNet-C's (Hendrycks & Dietterich 2019, arXiv:1903.12261), lengths scaled by the input's shorter side
over 224. Each is a registered function of colours in 0…1 (P, H, W), a severity 1…5, and a generator that is seeded per
picture: a picture meets the same draw in every severity, and in every review.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from types import MappingProxyType
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbviz.arguments import whole
from nbviz.errors import NbvizError, unknown

Colours = NDArray[np.float64]
Corruption = Callable[[Colours, int, np.random.Generator], Colours]
SEVERITIES = (1, 2, 3, 4, 5)
_corruptions: dict[str, Corruption] = {}
CORRUPTIONS = MappingProxyType(_corruptions)
"""Name → corruption, in the order of tables."""


def corruption(act: Corruption) -> Corruption:
    """Register ``act(colours, severity, generator)`` under its own name; it returns colours of the same shape."""
    if not (act.__doc__ or "").strip():
        raise NbvizError(f"Corruption '{act.__name__}' needs a docstring: people read its first line.")
    _corruptions[act.__name__] = act
    return act


def corrupted(colours: Colours, name: str, severity: int, item: int, seed: int = 0) -> Colours:
    """Return colours (P, H, W) in 0…1, corrupted and rounded to 8 bits; by severity 0 as they are, to the bit.

    item: number of the picture, which seeds its draws. Raises NbvizError for severities other than 0…5.
    """
    if name not in CORRUPTIONS:
        raise unknown("Corruption", name, CORRUPTIONS, "nbviz")
    number = whole(severity)
    if number is None or not 0 <= number <= SEVERITIES[-1]:
        raise NbvizError(f"A severity is a whole number from 0 to {SEVERITIES[-1]}, not {severity!r}.")
    if number == 0:
        return colours
    # not hash(), which Python salts anew in every process
    generator = np.random.default_rng([seed, item, crc32(name.encode())])
    changed = CORRUPTIONS[name](colours, number, generator)
    if changed.shape != colours.shape:
        raise NbvizError(f"Corruption '{name}' makes {changed.shape} of colours {colours.shape}.")
    # rounded: a corrupted picture, too, comes from a file or a sensor of 8 bits, as ImageNet-C's do
    return np.round(np.clip(changed, 0, 1) * 255) / 255


def _scale(colours: Colours) -> float:
    return min(colours.shape[1:]) / 224


@corruption
def gaussian_noise(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:
    """Noise of a sensor in the dark: Gaussian, the same everywhere."""
    return colours + (0.08, 0.12, 0.18, 0.26, 0.38)[severity - 1] * generator.normal(size=colours.shape)


@corruption
def shot_noise(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:
    """Noise of few photons: Poisson, stronger where it is bright."""
    photons = (60, 25, 12, 5, 3)[severity - 1]
    return generator.poisson(np.clip(colours, 0, 1) * photons) / photons


@corruption
def gaussian_blur(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:  # noqa: ARG001 - all corruptions have one signature
    """Blur by a Gaussian, as of a lens out of focus."""
    from scipy.ndimage import gaussian_filter

    sigma = (1, 2, 3, 4, 6)[severity - 1] * _scale(colours)
    return gaussian_filter(colours, (0, sigma, sigma), mode="reflect")


@corruption
def brightness(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:  # noqa: ARG001 - all corruptions have one signature
    """Brighter light: the value of each colour (of hue, saturation and value) raised."""
    value = colours.max(0, keepdims=True)
    raised = np.clip(value + (0.1, 0.2, 0.3, 0.4, 0.5)[severity - 1], 0, 1)
    # hue and saturation stay when all channels are scaled alike; black has neither
    return np.where(value > 0, colours * raised / np.maximum(value, 1e-12), raised)


@corruption
def contrast(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:  # noqa: ARG001 - all corruptions have one signature
    """Flat light: every channel drawn towards its mean."""
    mean = colours.mean((1, 2), keepdims=True)
    return mean + (0.4, 0.3, 0.2, 0.1, 0.05)[severity - 1] * (colours - mean)


@corruption
def fog(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:
    """Fog: a plasma fractal laid over the picture."""
    # lengths are not scaled here: the fractal of a small picture is a large one's, seen at every n-th pixel
    strength, decay = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))[severity - 1]
    height, width = colours.shape[1:]
    top = colours.max()
    veil = plasma(max(height, width), decay, generator)[:height, :width]
    return (colours + strength * veil) * top / (top + strength)


@corruption
def jpeg(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:  # noqa: ARG001 - all corruptions have one signature
    """Saved as a JPEG file of low quality."""
    planes = np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    file = io.BytesIO()
    picture = Image.fromarray(planes[0] if len(planes) == 1 else planes.transpose(1, 2, 0))
    picture.save(file, "JPEG", quality=(25, 18, 15, 10, 7)[severity - 1])
    back = np.asarray(Image.open(file), dtype=np.float64) / 255
    return back.reshape(*planes.shape[1:], len(planes)).transpose(2, 0, 1)


@corruption
def pixelate(colours: Colours, severity: int, generator: np.random.Generator) -> Colours:  # noqa: ARG001 - all corruptions have one signature
    """Few pixels: made smaller and as large as before again."""
    share = (0.6, 0.5, 0.4, 0.3, 0.25)[severity - 1]
    height, width = colours.shape[1:]
    small = max(1, int(width * share)), max(1, int(height * share))
    planes = [Image.fromarray(plane.astype(np.float32)) for plane in colours]
    # both ways, as ImageNet-C does
    box = Image.Resampling.BOX
    boxed = [plane.resize(small, box).resize((width, height), box) for plane in planes]
    return np.stack([np.asarray(plane, dtype=np.float64) for plane in boxed])


def plasma(side: int, decay: float, generator: np.random.Generator) -> Colours:
    """Return a plasma fractal in 0…1 of a power of two ≥ ``side``, by diamond-square; it wraps round.

    decay: by how much the random part shrinks at each finer step.
    """
    # a power of two, which can be halved down to one
    size = 1 << max(1, (side - 1).bit_length())
    field, step, wobble = np.zeros((size, size)), size, 1.0

    def drawn(mean: Colours) -> Colours:
        return mean + wobble * generator.uniform(-1, 1, mean.shape)

    while step >= 2:
        half = step // 2
        corners = field[::step, ::step]
        below = corners + np.roll(corners, -1, 0)
        field[half::step, half::step] = drawn((below + np.roll(below, -1, 1)) / 4)
        middles = field[half::step, half::step]
        across = (corners + np.roll(corners, -1, 1) + middles + np.roll(middles, 1, 0)) / 4
        down = (corners + np.roll(corners, -1, 0) + middles + np.roll(middles, 1, 1)) / 4
        field[::step, half::step], field[half::step, ::step] = drawn(across), drawn(down)
        step, wobble = half, wobble / decay
    field -= field.min()
    return field / field.max()
