"""Contents of a user's value: the modules that a copy must find, and the state that it must not share.

A network reaches its modules in more ways than registration: closures, default arguments, bound methods, partials,
objects with or without a dictionary, weak references, hooks. This says for any value what lies inside, without
running code of the value's own.
"""

from __future__ import annotations

import enum
import functools
import logging
import queue
import sys
import types
import weakref
from collections import deque
from collections.abc import Iterator
from itertools import islice

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from nbviz.replica.copying.iterators import is_iterator, recipe

ATOMS = (int, float, complex, str, bytes, bool, type(None), type)
CONTAINERS = (dict, list, tuple, set, frozenset, deque)
SEARCHED = 4096
"""Values that are looked at for a module; beyond them an object is taken for one that holds none."""
SMALL = 256
"""Values in an object that is taken for state of the network, not for a service such as a data set."""
_PLAIN = ("torch", "numpy", "builtins", "itertools", "array", "_io", "_thread", "logging")
_SERVICES = sys.stdlib_module_names - {"collections", "types", "functools", "queue", "weakref"}


def cells(function: types.FunctionType) -> list[object]:
    """Return the contents of a function's closure; cells not filled yet are left out."""
    return [content for cell in function.__closure__ or () for content in cell_contents(cell)]


def cell_contents(cell: types.CellType) -> list[object]:
    """Return the one content of a cell; none of one that is not filled yet."""
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def fields(value: object) -> dict[str, object]:
    """Return the attributes of an object itself, those in ``__slots__`` too; {} for no instance of a Python class."""
    if isinstance(value, (type, types.ModuleType, enum.Enum)):
        return {}
    attributes = slots(value)
    try:
        # object's own: __getattr__ and __dict__ of a class may be the user's code
        attributes.update(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError):
        pass
    return attributes


def slots(value: object) -> dict[str, object]:
    """Return the attributes of an object that lie in ``__slots__``."""
    filled = {}
    for descriptor in _slots(type(value)):
        try:
            filled[descriptor.__name__] = descriptor.__get__(value)
        except AttributeError:  # not filled yet
            continue
    return filled


def has_slots(kind: type) -> bool:
    """Return whether instances of a class have attributes in ``__slots__``."""
    return bool(_slots(kind))


_slotless: weakref.WeakSet[type] = weakref.WeakSet()
"""Classes seen to have no slots, most of them: of each module's class it is asked several times."""


def _slots(kind: type) -> list[types.MemberDescriptorType]:
    if kind in _slotless:
        return []
    python = [base for base in kind.__mro__ if "__slots__" in base.__dict__]
    members = [item for base in python for item in base.__dict__.values()]
    descriptors = [item for item in members if isinstance(item, types.MemberDescriptorType)]
    if not descriptors:
        _slotless.add(kind)
    return descriptors


def inside(value: object) -> list[object]:
    """Yield the values that a value holds directly."""
    if isinstance(value, (*ATOMS, torch.Tensor, logging.Logger)):
        return []
    if isinstance(value, dict):
        return [*dict.keys(value), *dict.values(value)]
    if isinstance(value, CONTAINERS):
        return list(value)
    if isinstance(value, types.FunctionType):
        return [*cells(value), *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    if isinstance(value, types.MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, weakref.ReferenceType):
        return [value()]
    if isinstance(value, queue.Queue):
        return [value.queue]
    if is_iterator(type(value)):
        parts = recipe(value)
        return [] if parts is None else [*parts[1], parts[2]]
    return list(fields(value).values())


def reached(value: object) -> Iterator[object]:
    """Yield a value and all that it holds, nearest first, each once."""
    visited, pending = {id(value)}, deque([value])
    while pending:
        item = pending.popleft()
        yield item
        # a module is copied whatever it holds: no need to look further
        if isinstance(item, nn.Module):
            continue
        for inner in islice(inside(item), SEARCHED):
            if id(inner) not in visited:
                visited.add(id(inner))
                pending.append(inner)


def holds_module(value: object) -> bool:
    """Return whether a module can be reached from the value."""
    return any(issubclass(type(item), nn.Module) for item in islice(reached(value), SEARCHED))


def is_state(value: object) -> bool:
    """Return whether an object is a small bag of plain values, which a forward may count or remember in."""
    if not fields(value) or _root(value) == "torch":
        return False
    # one more than is small, so that more of them need not be counted
    parts = list(islice(reached(value), SMALL + 1))
    return len(parts) <= SMALL and all(_plain(item) for item in parts)


def _plain(value: object) -> bool:
    known = (*ATOMS, *CONTAINERS, torch.Tensor, types.FunctionType, types.MethodType, functools.partial)
    if isinstance(value, (*known, RemovableHandle, weakref.ReferenceType, enum.Enum)):
        return True
    return _root(value) in _PLAIN or bool(fields(value)) and _root(value) not in _SERVICES


def _root(value: object) -> str:
    return str(type(value).__module__).partition(".")[0]
