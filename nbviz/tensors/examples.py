"""An input a network takes, before any picture is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from nbviz.tensors.capture import first_tensor
from nbviz.tensors.errors import NbvizError
from nbviz.tensors.guest import Guest, Pass
from nbviz.tensors.preprocessing import GUESSED_SIZES, Preprocessing
from nbviz.tensors.torchvision_import import missing_operators


def ready(guest: Guest, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as the network takes it: its type, on its device."""
    # autograd can't save what was made in inference mode
    tensor = tensor.clone() if tensor.is_inference() else tensor
    return tensor.to(guest.device, guest.dtype)


def noise(guest: Guest, shape: tuple[int, ...]) -> torch.Tensor:
    """Seeded noise (1, C, H, W) in 0…1 for a shape (C, H, W)."""
    return ready(guest, torch.rand(1, *shape, generator=torch.Generator().manual_seed(0), device="cpu"))


def usual_input(guest: Guest, transform: Preprocessing) -> tuple[torch.Tensor, Preprocessing]:
    """Noise of the size pictures have, and the preprocessing; a guessed one learns the size by trying."""
    if transform.size is not None and not transform.guessed:
        return noise(guest, (transform.channels, *transform.size)), transform
    first: Exception | None = None
    for size in GUESSED_SIZES:
        x = noise(guest, (transform.channels, size, size))
        try:
            guest.trial(_run(x))
        except Exception as error:  # a forward of the user's own can raise anything
            if missing_operators(error):
                raise NbvizError(missing_operators(error)) from error
            first = first or error
            continue
        return x, transform.with_size(size, size)
    raise NbvizError(
        f"The network takes none of the usual square inputs with {transform.channels} channels "
        f"({first}). Pass transform=, or an image as a float tensor (C, H, W) of the right size."
    ) from first


def _run(x: torch.Tensor) -> Callable[[Pass], Any]:
    return lambda run: first_tensor(run(x))
