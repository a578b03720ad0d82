"""An input a network takes, before any picture is known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from nbviz.errors import NbvizError
from nbviz.pictures.preprocessing import GUESSED_SIZES, Preprocessing
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import first_tensor
from nbviz.replica.torch_modes import isolated
from nbviz.replica.torchvision_import import missing_operators


def ready(guest: Guest, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in the network's type, where it is: a pass moves it, for which device that is it alone knows."""
    # autograd can't save what was made in inference mode
    tensor = tensor.clone() if tensor.is_inference() else tensor
    return tensor.to(guest.dtype)


def noise(guest: Guest, shape: tuple[int, ...]) -> torch.Tensor:
    """Seeded noise (1, C, H, W) in 0…1 for a shape (C, H, W)."""
    with isolated():
        generator = torch.Generator().manual_seed(0)
        return ready(guest, torch.rand(1, *shape, generator=generator, dtype=torch.float32, device="cpu"))


class Usual:
    """A network's preprocessing and the size of picture it is used with; a guess learns that by trying. Thread-safe."""

    def __init__(self, guest: Guest, transform: Preprocessing) -> None:
        self._guest, self._lock = guest, threading.RLock()
        self._refused: tuple[int, NbvizError] | None = None
        self.transform = replace(transform, tried=self._tried) if transform.guessed else transform

    def shape(self) -> tuple[int, ...]:
        """(C, H, W). NbvizError where the network takes no size that was tried."""
        with self._lock:
            size = self.transform.size
            if size is None or self.transform.tried is not None:
                size = self._size()
                self.transform = self.transform.with_size(*size)
            return self.transform.channels, *size

    def _tried(self) -> Preprocessing:
        with self._lock:
            self.shape()
            return self.transform

    def _size(self) -> tuple[int, int]:
        """Found out once for a network that takes none: every picture of a data set would ask again."""
        revision = self._guest.revision
        if self._refused is not None and self._refused[0] == revision:
            raise self._refused[1]
        try:
            return _size_taken(self._guest, self.transform)
        except NbvizError as error:
            self._refused = revision, error
            raise


def _size_taken(guest: Guest, transform: Preprocessing) -> tuple[int, int]:
    first: Exception | None = None
    shown = [] if transform.size is None else [transform.size]
    for size in dict.fromkeys([*shown, *((side, side) for side in GUESSED_SIZES)]):
        x = noise(guest, (transform.channels, *size))
        try:
            guest.trial(_run(x))
        except Exception as error:  # a forward of the user's own can raise anything
            if missing_operators(error):
                raise NbvizError(missing_operators(error)) from error
            first = first or error
            continue
        return size
    raise NbvizError(
        f"The network takes none of the usual square inputs with {transform.channels} channels "
        f"({first}). Pass transform=, or an image as a float tensor (C, H, W) of the right size."
    ) from first


def _run(x: torch.Tensor) -> Callable[[Pass], Any]:
    return lambda run: first_tensor(run(x))
