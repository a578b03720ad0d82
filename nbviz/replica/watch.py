"""Has the network changed? Its structure, and its weights, watched from outside at about a millisecond a look.

Versions alone are not enough: fused optimisers, ``.data`` edits and numpy writes bump none. So the fingerprint
also holds identities, data pointers and a strided sample of the values of every tensor.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Hashable

import torch
from torch import nn

from nbviz.replica.optimizer_steps import Steps
from nbviz.replica.replica import tensors
from nbviz.replica.structure import Structure
from nbviz.replica.thread_time import Others
from nbviz.replica.training_forwards import await_forwards

SAMPLES = 64
WAIT = 5.0
"""Seconds a step or a training forward may last and still be waited for."""
QUIET = 0.02
"""Seconds; a thread between two writes waits for Python's lock for 0.005 at most, if it has a processor."""


class Watch:
    """Watches one network; cheap to ask, made again by its owner when ``still()`` is False."""

    def __init__(self, net: nn.Module) -> None:
        self._structure = Structure(net)
        self._modules = {id(module) for module in net.modules()}
        self._tensors = tensors(net)
        self._dense = [t for t in self._tensors if _dense(t)]
        self._tracked = [t for t in self._tensors if not t.is_inference()]
        self._pointers = self.pointers()
        self._samples: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
        for tensor in self._dense:
            self._samples.setdefault((tensor.dtype, tensor.device), []).append(_sample(tensor))
        self.inference = len(self._tracked) < len(self._tensors)
        """Whether some tensors are inference tensors, of which replicas have copies."""
        self.steps = Steps(self._tensors)
        self._still = _Still((), 0.0)

    def still(self) -> bool:
        """Whether module, parameter and buffer identities, plain attributes and hooks are as they were."""
        return self.pointers() == self._pointers and self._structure.still()

    def pointers(self) -> list[int]:
        """Where the tensors' values are; another place after ``p.data = …``."""
        return [t.data_ptr() for t in self._dense]

    def values(self) -> bytes:
        """Digest of versions and a sample of the values of every tensor."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr([t._version for t in self._tracked]).encode())
        with torch.no_grad():
            for samples in self._samples.values():
                digest.update(torch.cat(samples).cpu().view(torch.uint8).numpy().tobytes())
        return digest.digest()

    def stamp(self) -> tuple[Hashable, ...]:
        """Equal before and after a pass only if the weights did not move meanwhile.

        Never taken inside an optimiser's step, nor inside a forward that trains, unless they last for seconds.
        """
        await_forwards(self._modules, WAIT)
        steps = self.steps.settled(WAIT)
        return steps, tuple(self.pointers()), self.values()

    def quiet(self, patience: float = 0.5) -> tuple[Hashable, ...] | None:
        """The stamp of weights that have been still for :data:`QUIET` seconds; None while they keep moving.

        A loop that writes weights without an optimiser of torch's can't be seen to be in the middle of it; but
        it goes on within that time.
        """
        deadline = time.monotonic() + patience
        while True:
            stamp, now = self.stamp(), time.monotonic()
            if stamp != self._still.stamp:
                self._still = _Still(stamp, now)
            elif self._still.proven:
                return stamp
            elif now - self._still.since >= QUIET and not self._still.others.stalled():
                # once more: a thread that waited for us to let go of Python's lock goes on now
                time.sleep(QUIET / 10)
                if not self._still.others.stalled() and self.stamp() == stamp:
                    self._still = _Still(stamp, now, proven=True)
                    return stamp
            if now > deadline:
                return None
            time.sleep(QUIET / 2)


class _Still:
    """Since when the weights have one stamp, and whether every other thread has had its chance since."""

    def __init__(self, stamp: tuple[Hashable, ...], since: float, proven: bool = False) -> None:
        self.stamp, self.since, self.proven = stamp, since, proven
        self.others = Others()


def _dense(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type != "meta" and not tensor.is_quantized


def _sample(tensor: torch.Tensor) -> torch.Tensor:
    """A view of at most 64 values spread over the tensor, sharing its memory; (k,)."""
    with torch.no_grad():
        data = tensor.detach()
        if data.is_complex():
            data = torch.view_as_real(data.resolve_conj())
        if not data.is_contiguous() or data.is_neg():
            strides, sizes = data.stride(), data.shape
            axis = max(range(data.dim()), key=lambda i: sizes[i])
            return data.as_strided((min(sizes[axis], SAMPLES),), (strides[axis],))
        flat = data.view(-1)
        return flat[:: max(1, -(-flat.numel() // SAMPLES))]
