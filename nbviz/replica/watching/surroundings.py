"""Surroundings of a network: globals and attributes of classes that the user's own code reads.

A replica shares them, so every pass is of what they are now. What was computed before a cell changed them is not: the
key of the network's state has to follow, and so they are compared with what they were. Only code of the user's is
searched, for the names that it mentions.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Collection, Iterator
from typing import Any
from weakref import ref

import numpy as np
import torch
from torch import nn

from nbviz.arrays import array_of
from nbviz.replica.user_code.calls import STANDARD, is_installed, is_own

MOST_ITEMS, MOST_BYTES = 256, 65536
"""Items of a container, and bytes of an array, up to which it is read; of larger ones identity alone counts."""
MOST_PLACES = 4096
Home = dict[str, Any] | type
Key = tuple[int, str]
"""``id`` of a namespace or class, and a name in it."""
_MISSING = object()
_ATOMS = frozenset((int, float, complex, str, bytes, bool, type(None)))
_WRAPPED = (("__func__", (staticmethod, classmethod, types.MethodType)), ("fget", (property,)))


class Surroundings:
    """Values that the code of a network's modules reads outside of them; ``changes()`` counts when they were others."""

    def __init__(self, net: nn.Module) -> None:
        self._count = 0
        self._search(net, ())

    def changes(self, net: nn.Module, written: Collection[Key]) -> int:
        """Return how often any of it has changed; ``written``: places that the network's own forward writes to."""
        known = written == self._written
        now = self._read(written) if known else []
        if not known or len(now) != len(self._then) or not all(map(_same, now, self._then)):
            # what its forward writes is known after its first pass, and is no change of the user's
            self._count += known
            self._search(net, written)
        return self._count

    def _search(self, net: nn.Module, written: Collection[Key]) -> None:
        search = _Search(net)
        self._places, self._objects, self._written = search.places, search.objects, written
        self._then = self._read(written)

    def _read(self, written: Collection[Key]) -> list[object]:
        values = [_at(home, name) for key, (home, name) in self._places.items() if key not in written]
        for item in self._objects.values():
            values += _contents(item)
        # a network by a weak reference, which is one object: it is not to be kept alive here
        return [ref(value) if isinstance(value, nn.Module) else value for value in values]


class _Search:
    """Places and objects outside of a network that its code mentions, each once."""

    def __init__(self, net: nn.Module) -> None:
        self.places: dict[Key, tuple[Home, str]] = {}
        self.objects: dict[int, object] = {}
        self._visited: set[int] = set()
        for module in net.modules():
            self._see(type(module))
            for value in list(vars(module).values()):
                if not isinstance(value, (dict, nn.Module, torch.Tensor)):
                    self._see(value if isinstance(value, types.FunctionType) else type(value))

    def _see(self, value: object) -> None:
        if type(value) in _ATOMS or id(value) in self._visited or len(self.places) > MOST_PLACES:
            return
        self._visited.add(id(value))
        for attribute, kinds in _WRAPPED:
            value = getattr(value, attribute) if isinstance(value, kinds) else value
        if isinstance(value, types.FunctionType):
            self._see_function(value)
        elif isinstance(value, type):
            self._see_class(value)
        elif isinstance(value, (list, dict, set, np.ndarray, torch.Tensor)):
            self.objects[id(value)] = value
        elif is_own(type(value).__module__) and not isinstance(value, (nn.Module, types.ModuleType)):
            self.objects[id(value)] = value
            self._see(type(value))

    def _see_function(self, function: types.FunctionType) -> None:
        code = function.__code__
        if is_installed(code.co_filename) or code.co_filename.startswith((STANDARD, "<frozen")):
            return
        self.objects[id(function)] = function
        steps = list(_steps(code))
        # an attribute's name is that of a global only by chance
        read = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
        names = {step.argval for step in steps if step.opname in ("LOAD_ATTR", "LOAD_METHOD")}
        for name in read & function.__globals__.keys():
            value = function.__globals__[name]
            self._place(function.__globals__, name, value)
            # of a module of the user's own, what this code asks of it
            if isinstance(value, types.ModuleType) and is_own(value.__name__):
                for inner in names & vars(value).keys():
                    self._place(vars(value), inner, vars(value)[inner])

    def _see_class(self, kind: type) -> None:
        for base in kind.__mro__:
            if is_own(base.__module__):
                for name, value in list(vars(base).items()):
                    if name != "__init__" and (name[:2] != "__" or isinstance(value, types.FunctionType)):
                        self._place(base, name, value)

    def _place(self, home: Home, name: str, value: object) -> None:
        self.places[id(home), name] = home, name
        self._see(value)


def _steps(code: types.CodeType) -> Iterator[dis.Instruction]:
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _steps(constant)


def _at(home: Home, name: str) -> object:
    return (home if isinstance(home, dict) else vars(home)).get(name, _MISSING)


def _same(now: object, then: object) -> bool:
    return now is then or (type(now) is type(then) and type(now) in _ATOMS and bool(now == then))


def _contents(item: object) -> list[object]:
    """Return what an object holds, as values that can be compared; of a large one nothing."""
    if isinstance(item, types.FunctionType):
        return [item.__code__, *(item.__defaults__ or ()), *(item.__kwdefaults__ or {}).values()]
    if isinstance(item, (np.ndarray, torch.Tensor)):
        return _values(item)
    held = item if isinstance(item, (list, dict, set)) else getattr(item, "__dict__", {})
    if len(held) > MOST_ITEMS:
        return [len(held)]
    return [*held.keys(), *held.values()] if isinstance(held, dict) else list(held)


def _values(array: np.ndarray[Any, Any] | torch.Tensor) -> list[object]:
    if isinstance(array, torch.Tensor):
        version = 0 if array.is_inference() else array._version
        small = array.device.type == "cpu" and array.layout == torch.strided and array.nbytes <= MOST_BYTES
        values = array_of(array.detach().reshape(-1).contiguous().view(torch.uint8)).tobytes() if small else b""
        return [version, values]
    return [array.tobytes()] if array.nbytes <= MOST_BYTES and array.dtype != object else []
