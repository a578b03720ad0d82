"""Baselines: pictures that count as showing nothing, where a path starts and what a hidden part is filled with.

The blur is the heat equation's, with edges that let nothing out: exact at every width, in two small matrix
products, and ending at the mean colour.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Literal

import torch

from nbviz.attribution.options import About
from nbviz.errors import NbvizError
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject
from nbviz.pictures.preprocessing import Preprocessing

Name = Literal["black", "gray", "mean", "blur", "noise"]
Fill = Annotated[Name | torch.Tensor, About("What stands where the picture is hidden.", label="hide with")]
"""Option of a method that hides parts of the picture."""
NAMES: tuple[str, ...] = ("black", "gray", "mean", "blur", "noise")


def baseline(subject: Subject, given: str | torch.Tensor) -> torch.Tensor:
    """Return a baseline for the subject's picture, (1, C, H, W), by name or as a preprocessed tensor.

    black, gray: pictures of that colour, preprocessed as the network's pictures are. mean: the picture's own
    mean colour. blur: so blurred that no object is left, σ a tenth of the shorter side. noise: uniform in the
    picture's own range, always the same.
    """
    x = subject.x
    if isinstance(given, torch.Tensor):
        if given.shape not in (x.shape, x.shape[1:]):
            shape = tuple(given.shape)
            raise NbvizError(f"The baseline has shape {shape}; the network's input is {tuple(x.shape)}.")
        return given.detach().reshape(x.shape).to(x)
    return baseline_of(x, given, subject.model.transform)


def baseline_of(x: torch.Tensor, given: str, transform: Preprocessing) -> torch.Tensor:
    """Return the named baseline of an input (1, C, H, W), see :func:`baseline`; transform: the network's own."""
    if given in ("black", "gray"):
        level = 0.0 if given == "black" else 0.5
        return transform.constant(x, (level,) * 3)
    if given == "mean":
        return x.mean((2, 3), keepdim=True).expand_as(x).clone()
    if given == "blur":
        return blurred(x, max(1.0, min(x.shape[2:]) / 10))
    if given == "noise":
        return _noise(x)
    raise NbvizError(f"A baseline is {', '.join(map(repr, NAMES))} or a tensor, not {given!r}.")


def baseline_name(given: str | torch.Tensor) -> str:
    """Return the name of a baseline; "given" for a tensor."""
    return given if isinstance(given, str) else "given"


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blur pictures (N, C, H, W) by a Gaussian of ``sigma`` pixels, reflected at their edges."""
    if sigma == 0:
        return x
    wide = at_least_single(x)
    # separable: two small products instead of a convolution as wide as the picture
    rows, columns = (_kernel(length, sigma).to(wide) for length in x.shape[2:])
    return (rows @ wide @ columns.T).to(x)


@lru_cache(maxsize=4)
def _kernel(length: int, sigma: float) -> torch.Tensor:
    cosines = _cosines(length)
    frequencies = torch.arange(length, dtype=torch.float64, device="cpu") * math.pi / length
    return cosines.T @ (torch.exp(-0.5 * (sigma * frequencies) ** 2)[:, None] * cosines)


@lru_cache(maxsize=4)
def _cosines(length: int) -> torch.Tensor:
    """Return the orthonormal cosine transform (DCT-II), whose basis the heat equation only damps."""
    places = torch.arange(length, dtype=torch.float64, device="cpu")
    cosines = torch.cos(math.pi / length * places[:, None] * (places + 0.5)) * math.sqrt(2 / length)
    cosines[0] /= math.sqrt(2)
    return cosines


def _noise(x: torch.Tensor) -> torch.Tensor:
    # one of its own: torch's random state is the user's
    generator = torch.Generator().manual_seed(0)
    # drawn on the CPU in double, so that every device and precision starts from the same picture
    noise = torch.rand(x.shape, generator=generator, dtype=torch.float64, device="cpu").to(x)
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    return low + noise * (high - low)
