"""Input size: one that a network takes, before any picture is known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from nbviz.errors import NbvizError
from nbviz.model.inputs.first_call import FirstCall, first_call
from nbviz.model.inputs.forward_errors import check_data, check_signature, forward_error, of_size
from nbviz.pictures.network_hints import FirstLayer, defined_first, shown_size
from nbviz.pictures.preprocessing import GUESSED_SIZES, Preprocessing, TransformLike
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.hooks import RawOutput
from nbviz.replica.torch_modes import isolated

FEW_SIZES = 8
"""Usual sizes at which the first layer called is looked for."""


@isolated()
def ready(guest: Guest, tensor: torch.Tensor) -> torch.Tensor:
    """Return the tensor in the network's type, on its own device: only a pass knows where it has to go."""
    # autograd can't save what was made in inference mode
    tensor = tensor.clone() if tensor.is_inference() else tensor
    return tensor.to(guest.dtype)


def noise(guest: Guest, shape: tuple[int, ...]) -> torch.Tensor:
    """Return seeded noise (1, C, H, W) in 0…1 for a shape (C, H, W)."""
    with isolated():
        generator = torch.Generator().manual_seed(0)
        return ready(guest, torch.rand(1, *shape, generator=generator, dtype=torch.float32, device="cpu"))


class Usual:
    """Preprocessing of a network and the size of picture it is used with; a guess is settled by trying. Thread-safe."""

    def __init__(self, guest: Guest, transform: TransformLike | None) -> None:
        self._guest, self._lock = guest, threading.RLock()
        self._refused: tuple[int, NbvizError] | None = None
        self._given, self._settled, self._sized = transform, False, False
        self._transform = Preprocessing.ensure(transform, guest.module)
        self._of_tensors: dict[int, Preprocessing] = {}
        """Preprocessing that ready tensors are taken to have had, by their channels: it probes a person's transform."""

    @property
    def transform(self) -> Preprocessing:
        """Preprocessing; its channels are those of the first layer the network calls.

        Raises NbvizError for a network of volumes, sequences or dictionaries instead of pictures.
        """
        with self._lock:
            if not self._settled:
                check_signature(self._guest.module)
                first = self._first_layer()
                if first is not None:
                    self._transform = Preprocessing.ensure(self._given, self._guest.module, first)
                self._settled = True
            # made anew each time: if it were kept it and this would hold each other, and with them the network
            learns = self._transform.guessed and not self._sized
            return replace(self._transform, tried=self._tried) if learns else self._transform

    def seen(self, x: torch.Tensor, ready: bool) -> np.ndarray:
        """Return an input (1, C, H, W) as the network sees it, uint8 (H, W, 3). ready: a tensor that a person made."""
        with self._lock:
            if not ready or self._settled or isinstance(self._given, Preprocessing):
                return self.transform.seen(x)
            channels = x.shape[1]  # known, and nothing has to be run to find them
            if channels not in self._of_tensors:
                first = FirstLayer(channels)
                self._of_tensors[channels] = Preprocessing.ensure(self._given, self._guest.module, first)
            return self._of_tensors[channels].seen(x)

    def shape(self) -> tuple[int, ...]:
        """Return the shape (C, H, W). NbvizError where the network takes no size that was tried."""
        with self._lock:
            transform = self.transform
            size = transform.size
            if size is None or transform.tried is not None:
                size = self._size()
                self._transform, self._sized = self._transform.with_size(*size), True
            return transform.channels, *size

    def _tried(self) -> Preprocessing:
        with self._lock:
            self.shape()
            return self._transform

    def _first_layer(self) -> FirstLayer | None:
        """Return the pictures that the first layer called takes; None where none is called or they can't be told."""
        net = self._guest.module
        defined = defined_first(net)
        if isinstance(self._given, Preprocessing) or next(net.parameters(), None) is None:
            return None
        # not the size at which the first linear layer defined has a whole picture: it may take patches
        shown = shown_size(net, FirstLayer())
        sizes = [*([shown] if shown else []), *((side, side) for side in GUESSED_SIZES[:FEW_SIZES])]
        # photographs first, whatever layer stands first in __init__
        for channels in dict.fromkeys((3, defined.channels, 1)):
            for size in dict.fromkeys(sizes):
                call = first_call(self._guest, noise(self._guest, (channels, *size)))
                if call is not None:
                    check_data(net, call)
                    whole = call.rows == 1 or not self._cuts(channels, size)
                    return (call.fitting if whole else None) or self._fitting(call)
        return None

    def _cuts(self, channels: int, size: tuple[int, int]) -> bool:
        x = noise(self._guest, (channels, *size))
        try:
            return cut_up(self._guest.trial(lambda run: run(x)))
        except Exception:  # whoever runs the forward for its result hears what it raised
            return False

    def _fitting(self, call: FirstCall) -> FirstLayer | None:
        for other in call.others():
            size = other.size or (call.picture[1], call.picture[2])
            again = first_call(self._guest, noise(self._guest, (other.channels, *size)))
            if again is not None and again.fitting:
                return again.fitting
        return None

    def _size(self) -> tuple[int, int]:
        """Find the size once for a network that takes none: every picture of a data set would ask again."""
        revision = self._guest.revision
        if self._refused is not None and self._refused[0] == revision:
            raise self._refused[1]
        try:
            return _size_taken(self._guest, self._transform)
        except NbvizError as error:
            # until its structure changes: surgery may make it take another size
            self._refused = revision, error
            raise


def _size_taken(guest: Guest, transform: Preprocessing) -> tuple[int, int]:
    first: Exception | None = None
    shown = [] if transform.size is None else [transform.size]
    sizes = list(dict.fromkeys([*shown, *((side, side) for side in GUESSED_SIZES)]))
    cut: tuple[int, int] | None = None
    same = True
    for size in sizes:
        if cut is not None and size[0] >= cut[0]:  # several of the size that is looked for lie in it
            continue
        x = noise(guest, (transform.channels, *size))
        try:
            raw = guest.trial(_run(x))
        except Exception as error:  # a forward of the user's own can raise anything
            # the error at the first size is told: at sizes that are far too small others come up
            first = first or error
            same = same and str(error) == str(first)
            if not of_size(error):
                break
            continue
        if not cut_up(raw):
            return size
        cut = cut or size
    if cut is not None:
        return cut
    assert first is not None
    x = noise(guest, (transform.channels, *sizes[0]))
    raise forward_error(guest, x, first, all_sizes=True, same=same) from first


def _run(x: torch.Tensor) -> Callable[[Pass], RawOutput]:
    return lambda run: run(x)


def cut_up(raw: RawOutput) -> bool:
    """Return whether a network's output for one picture has rows for several.

    A reshape such as ``x.view(-1, 1024)`` makes them of a picture that is larger than the one it was written for.
    """
    return isinstance(raw, torch.Tensor) and raw.dim() == 2 and len(raw) > 1
