"""Has the network changed? Its structure, and its weights, watched from outside at about a millisecond a look.

Versions alone are not enough: fused optimisers, ``.data`` edits and numpy writes bump none. So the fingerprint
also holds identities, data pointers and a strided sample of the values of every tensor. While an optimiser of
``torch.optim`` is in the middle of a step the weights are of two versions at once; a hook on all optimisers
tells (a sequence lock), so that a pass neither begins nor ends inside a step.
"""

from __future__ import annotations

import hashlib
import threading
import time
import weakref
from collections.abc import Hashable
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from nbviz.tensors.replica import tensors

SAMPLES = 16
_PLAIN = (int, float, str, bool, type(None))
_watches: weakref.WeakSet[Watch] = weakref.WeakSet()
_hooked = threading.Lock()
_hooks: list[Any] = []


class Watch:
    """Watches one network; cheap to ask, made again by its owner when ``structure()`` changes."""

    def __init__(self, net: nn.Module) -> None:
        self._net = net
        self._tensors = tensors(net)
        self._pointers = [t.data_ptr() for t in self._tensors if _dense(t)]
        self._samples = [_sample(t) for t in self._tensors if _dense(t)]
        self._ids = {id(t) for t in self._tensors}
        self.steps = 0
        """Optimiser steps begun over these weights, plus steps ended: odd while one runs."""
        self.structure = structure(net)
        _watch_optimizers(self)

    def still(self) -> bool:
        """Whether module, parameter and buffer identities, plain attributes and hooks are as they were."""
        pointers = [t.data_ptr() for t in self._tensors if _dense(t)]
        return pointers == self._pointers and structure(self._net) == self.structure

    def values(self) -> bytes:
        """Digest of versions and a sample of the values of every tensor."""
        digest = hashlib.blake2b(digest_size=16)
        versions = [0 if t.is_inference() else t._version for t in self._tensors]
        digest.update(repr(versions).encode())
        by_kind: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
        for sample in self._samples:
            by_kind.setdefault((sample.dtype, sample.device), []).append(sample)
        with torch.no_grad():
            for samples in by_kind.values():
                digest.update(torch.cat(samples).cpu().view(torch.uint8).numpy().tobytes())
        return digest.digest()

    def await_step(self, seconds: float = 2.0) -> int:
        """Wait until no optimiser step is under way; the number of steps begun and ended so far."""
        deadline = time.monotonic() + seconds
        while self.steps % 2 and time.monotonic() < deadline:
            time.sleep(0.0005)
        return self.steps

    def owns(self, optimizer: Optimizer) -> bool:
        """Whether an optimiser moves weights of this network."""
        return any(id(p) in self._ids for group in optimizer.param_groups for p in group["params"][:8])


def structure(net: nn.Module) -> Hashable:
    """Identities of modules, tensors and hooks and the modules' plain attributes; training modes left out."""
    key: list[Any] = []
    for module in net.modules():
        key.append(id(module))
        for name, value in module.__dict__.items():
            if name == "training" or (not value and isinstance(value, (dict, set))):
                continue
            key.append((name, _token(value)))
    return tuple(key)


def _token(value: Any, depth: int = 0) -> Hashable:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict) and depth < 2:
        return tuple((key, _token(item, depth + 1)) for key, item in value.items())
    if isinstance(value, (list, tuple)) and depth < 2:
        return tuple(_token(item, depth + 1) for item in value)
    return id(value)


def _dense(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type != "meta" and not tensor.is_quantized


def _sample(tensor: torch.Tensor) -> torch.Tensor:
    """A view of at most 16 values spread over the tensor, sharing its memory; (k,)."""
    with torch.no_grad():
        data = tensor.detach()
        if data.is_complex():
            data = torch.view_as_real(data)
        if not data.is_contiguous() or data.is_neg():
            strides, sizes = data.stride(), data.shape
            axis = max(range(data.dim()), key=lambda i: sizes[i]) if data.dim() else 0
            return data.as_strided((min(sizes[axis], SAMPLES),), (strides[axis],)) if data.dim() else data[None]
        flat = data.view(-1)
        return flat[:: max(1, -(-flat.numel() // SAMPLES))]


def _watch_optimizers(watch: Watch) -> None:
    _watches.add(watch)
    with _hooked:
        if not _hooks:
            _hooks.append(register_optimizer_step_pre_hook(lambda opt, *_: _count(opt, begins=True)))
            _hooks.append(register_optimizer_step_post_hook(lambda opt, *_: _count(opt, begins=False)))


def _count(optimizer: Optimizer, begins: bool) -> None:
    for watch in list(_watches):
        # a step that raised never ended: the parity is set, not toggled
        if watch.owns(optimizer) and (watch.steps % 2 == 0) == begins:
            watch.steps += 1
        elif watch.owns(optimizer) and begins:
            watch.steps += 2
