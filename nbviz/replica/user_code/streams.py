"""Random streams of a pass's own, for a forward that draws from Python's or numpy's global ones, or seeds torch's.

The global streams belong to the whole process: put back after a pass, they would give another thread the same numbers
twice. So while such a pass runs, the functions of the modules ``random`` and ``numpy.random`` and torch's seeding are
forwarded: on this thread to streams seeded alike for each pass, on all others to the global ones, as they were.
So is a function that a module imported by name (``from random import random``), where it is known by
:func:`forward_imported`. One that the network holds (``self.draw = random.random``) can't be: see ``Conduct``.
"""

from __future__ import annotations

import functools
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from operator import attrgetter
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

Function = Callable[..., Any]
Place = tuple[dict[str, Any], str]
"""Globals of a module, and a name in them."""
_FUNCTIONS = (BuiltinFunctionType, FunctionType, MethodType)
_local = threading.local()
_lock = threading.Lock()
_inside: set[Streams] = set()
_before: list[tuple[dict[str, Any], str, Function, Function]] = []
"""Where something is forwarded: variables and name there, the function, and what stands in its place."""
_NUMPYS_OTHER_NAMES = {"ranf": "random_sample", "sample": "random_sample"}
_TORCHS = ("manual_seed", "seed", "get_rng_state", "set_rng_state")
_CUDAS = {f"{name}{several}": name for name in ("manual_seed", "seed") for several in ("", "_all")}
_CUDAS.update({name: f"cuda_{name}" for name in ("get_rng_state", "set_rng_state")})
_CUDAS.update({f"{name}_all": f"cuda_{name}_all" for name in ("get_rng_state", "set_rng_state")})


class OwnGenerator(torch.Generator):
    """Random generator that is a pass's or a replica's own: it may be drawn from."""

    addresses: ClassVar[set[int]] = set()
    """Where those are that there are: an operation is handed another object over the same stream."""

    def __init__(self, device: torch.device) -> None:  # noqa: ARG002 - torch reads it in __new__
        self.addresses.add(self._cdata)

    def __del__(self) -> None:
        self.addresses.discard(self._cdata)


class Streams:
    """Random streams of one pass."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        """Names of the streams that were drawn from or seeded."""
        self._seed = 0
        self._generators: dict[torch.device, OwnGenerator] = {}

    @cached_property
    def python(self) -> random.Random:
        """Stream of Python's ``random``."""
        return random.Random(0)

    @cached_property
    def numpy(self) -> np.random.RandomState:
        """Stream of numpy's legacy functions."""
        return np.random.RandomState(0)

    def on(self, device: torch.device) -> torch.Generator:
        """Return torch's stream on a device; the :class:`Guard` draws from it, too."""
        if device.type == "cuda" and device.index is None:
            device = torch.device("cuda", torch.cuda.current_device())
        if device not in self._generators:
            self._generators[device] = OwnGenerator(device)
            self._generators[device].manual_seed(self._seed)
        return self._generators[device]

    @property
    def generator(self) -> torch.Generator:
        """Stream of torch on the CPU."""
        return self.on(torch.device("cpu"))

    def manual_seed(self, seed: int) -> torch.Generator:
        """Seed torch's streams of this pass."""
        self._seed = int(seed)
        for generator in self._generators.values():
            generator.manual_seed(self._seed)
        return self.generator

    def seed(self) -> int:
        """Seed them as a pass begins, for the same answer each time."""
        self.manual_seed(0)
        return 0

    def get_rng_state(self) -> torch.Tensor:
        """Return the state of torch's stream of this pass."""
        return self.generator.get_state()

    def set_rng_state(self, state: torch.Tensor) -> None:
        """Set the state of torch's stream of this pass."""
        self.generator.set_state(state)

    def cuda_get_rng_state(self, device: int | str | torch.device = "cuda") -> torch.Tensor:
        """Return the state of this pass's stream on an accelerator."""
        return self.on(_cuda(device)).get_state()

    def cuda_set_rng_state(self, state: torch.Tensor, device: int | str | torch.device = "cuda") -> None:
        """Set the state of this pass's stream on an accelerator."""
        self.on(_cuda(device)).set_state(state)

    def cuda_get_rng_state_all(self) -> list[torch.Tensor]:
        """Return the states of this pass's streams on all accelerators."""
        return [self.cuda_get_rng_state(number) for number in range(torch.cuda.device_count())]

    def cuda_set_rng_state_all(self, states: Iterable[torch.Tensor]) -> None:
        """Set the states of this pass's streams on all accelerators."""
        for number, state in enumerate(states):
            self.cuda_set_rng_state(state, number)


def _cuda(device: int | str | torch.device) -> torch.device:
    return torch.device("cuda", device) if isinstance(device, int) else torch.device(device)


def current() -> Streams | None:
    """Return this thread's streams, inside of :func:`own_streams`.

    A backward on an accelerator runs in a thread of torch's own, which has the modes of the thread that asked for it,
    and so the streams that one of them carries.
    """
    own: Streams | None = getattr(_local, "streams", None)
    if own is not None:
        return own
    carried = (getattr(mode, "streams", None) for mode in reversed(_get_current_dispatch_mode_stack()))
    return next((streams for streams in carried if isinstance(streams, Streams)), None)


@contextmanager
def own_streams(imported: Iterable[Place] = ()) -> Iterator[Streams]:
    """Have this thread draw from streams of its own in this block.

    imported: places where modules imported functions of the global streams by name, see :func:`forward_imported`.
    """
    outer, streams = getattr(_local, "streams", None), Streams()
    try:
        _enter(streams)
        for variables, name in imported:
            forward_imported(variables, name)
        _local.streams = streams
        yield streams
    finally:
        _local.streams = outer
        _leave(streams)


def forward_imported(variables: dict[str, Any], name: str) -> bool:
    """Forward a function that a module imported by name, as long as a pass is inside; False if it draws from no stream.

    variables: the module's globals.
    """
    with _lock:
        value = variables.get(name)
        if not is_of_global_stream(value):
            return False
        # else forwarded already, for another network
        if _inside and value in _KINDS:
            _replace(variables, name, *_KINDS[value])
        return True


def is_of_global_stream(value: object) -> bool:
    """Return whether a value is a function of a global stream, or stands in the place of one."""
    return isinstance(value, _FUNCTIONS) and (value in _KINDS or getattr(value, "__wrapped__", None) in _KINDS)


def _replace(variables: dict[str, Any], name: str, stream: str, own: str) -> None:
    # as found, not as Python ships it: somebody may have patched it
    function = variables[name]
    forward = _forward(function, stream, own)
    _before.append((variables, name, function, forward))
    variables[name] = forward


def _enter(streams: Streams) -> None:
    with _lock:
        _inside.add(streams)
        if len(_inside) == 1:
            _put_back()  # what an interrupt of the last block's end has left
            for module, name, stream, own in _FORWARDED:
                _replace(vars(module), name, stream, own)


def _leave(streams: Streams) -> None:
    # may be called for a block whose beginning was interrupted, anywhere
    with _lock:
        _inside.discard(streams)
        if not _inside:
            _put_back()


def _put_back() -> None:
    while _before:
        variables, name, function, forward = _before[-1]
        # a cell may have put something of its own there meanwhile
        if variables.get(name) is forward:
            variables[name] = function
        _before.pop()


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
    for module in (torch.cuda, torch.cuda.random):
        for name, own in _CUDAS.items():
            yield module, name, "torch", own


# a block is entered at every pass, and what it forwards is the same each time
@functools.lru_cache(maxsize=1024)
def _forward(function: Function, stream: str, of: str) -> Function:
    own_function = attrgetter(of)

    @functools.wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        own = current()
        if own is None:
            return function(*args, **kwargs)
        # that it draws at all is what a first contact wants to know
        own.used.add(stream)
        return own_function(own)(*args, **kwargs)

    return call


_FORWARDED = list(_forwarded())
_KINDS = {vars(module)[name]: (stream, own) for module, name, stream, own in _FORWARDED}
"""Function → its stream, and the attribute of a pass's own streams that does the same."""
