"""Random streams of a pass's own, for a forward that draws from Python's or numpy's global ones, or seeds torch's.

The global streams belong to the whole process: put back after a pass, they would give another thread the same numbers
twice. So while such a pass runs, the functions of the modules ``random`` and ``numpy.random`` and torch's seeding are
forwarded: on this thread to streams seeded alike for each pass, on all others to the global ones, as they were.
A function that the network imported by name (``from random import random``) can't be forwarded: see ``Conduct``.
"""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from operator import attrgetter
from types import ModuleType
from typing import Any

import numpy as np
import torch

Function = Callable[..., Any]
_local = threading.local()
_lock = threading.Lock()
_inside = 0
_before: list[tuple[ModuleType, str, Function]] = []
_NUMPYS_OTHER_NAMES = {"ranf": "random_sample", "sample": "random_sample"}
_TORCHS = ("manual_seed", "seed", "get_rng_state", "set_rng_state")


class Streams:
    """Random streams of one pass."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        """Names of the streams that were drawn from or seeded."""

    @cached_property
    def python(self) -> random.Random:
        """Stream of Python's ``random``."""
        return random.Random(0)

    @cached_property
    def numpy(self) -> np.random.RandomState:
        """Stream of numpy's legacy functions."""
        return np.random.RandomState(0)

    @cached_property
    def generator(self) -> torch.Generator:
        """Stream of torch, on the CPU; the :class:`Guard` draws from it too."""
        return torch.Generator().manual_seed(0)

    def manual_seed(self, seed: int) -> torch.Generator:
        """Seed torch's stream of this pass."""
        return self.generator.manual_seed(int(seed))

    def seed(self) -> int:
        """Seed it as a pass begins, for the same answer each time."""
        self.generator.manual_seed(0)
        return 0

    def get_rng_state(self) -> torch.Tensor:
        """Return the state of torch's stream of this pass."""
        return self.generator.get_state()

    def set_rng_state(self, state: torch.Tensor) -> None:
        """Set the state of torch's stream of this pass."""
        self.generator.set_state(state)


def current() -> Streams | None:
    """Return this thread's streams, inside of :func:`own_streams`."""
    return getattr(_local, "streams", None)


@contextmanager
def own_streams() -> Iterator[Streams]:
    """Have this thread draw from streams of its own in this block."""
    outer, streams = current(), Streams()
    _enter()
    _local.streams = streams
    try:
        yield streams
    finally:
        _local.streams = outer
        _leave()


def _enter() -> None:
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            for module, name, stream, of in _forwarded():
                function = getattr(module, name)
                # as found, not as Python ships it: somebody may have patched it
                _before.append((module, name, function))
                setattr(module, name, _forward(function, stream, attrgetter(of)))


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            for module, name, function in _before:
                setattr(module, name, function)
            _before.clear()


def _forwarded() -> Iterator[tuple[ModuleType, str, str, str]]:
    """Return (module, name, stream, attribute of a pass's own streams that does the same)."""
    for name, function in list(vars(random).items()):
        if getattr(function, "__self__", None) is random._inst:  # noqa: SLF001 - our own
            yield random, name, "python", f"python.{name}"
    for name in np.random.__all__:
        method = _NUMPYS_OTHER_NAMES.get(name, name)
        if hasattr(np.random.RandomState, method):
            yield np.random, name, "numpy", f"numpy.{method}"
    for module in (torch, torch.random):
        for name in _TORCHS:
            yield module, name, "torch", name
    for name in ("manual_seed", "seed"):
        for all_devices in ("", "_all"):
            yield torch.cuda, name + all_devices, "torch", name


def _forward(function: Function, stream: str, of: Callable[[Streams], Function]) -> Function:
    @functools.wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        own = current()
        if own is None:
            return function(*args, **kwargs)
        # that it draws at all is what a first contact wants to know
        own.used.add(stream)
        return of(own)(*args, **kwargs)

    return call
