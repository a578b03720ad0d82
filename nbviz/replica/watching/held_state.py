"""Held state: plain objects, nested containers, arrays and closures of a network, compared with what they were.

A replica has a copy of these, so an edit in place by the user would never reach it. Only what the copier copied is
looked at, beyond what :class:`~nbviz.replica.watching.structure.Structure` compares: for most networks, nothing.
"""

from __future__ import annotations

import types
import weakref
from collections import deque
from collections.abc import Callable, Container, Iterator, Sequence
from itertools import islice
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from nbviz.replica.copying.reach import ATOMS, SMALL, fields, has_slots, inside, reached
from nbviz.replica.copying.values import VALUES
from nbviz.replica.watching.structure import IRRELEVANT

Read = Callable[[Any], Sequence[object]]
_OPAQUE = (torch.Tensor, weakref.ReferenceType, RemovableHandle)
_UNCHANGING = (tuple, frozenset, types.MethodType)
_CARRIED = "nbviz_preprocessing"
"""Attribute of our own on a module: it keeps what it works out when it is first used, and no forward reads it."""


class HeldState:
    """Plain state as it was when this was made; ``still()`` tells whether it is now.

    copied: ids of the user's objects of which a replica has its own. known: those of containers compared elsewhere.
    Random streams are left out, for the user's own draws would move them between any two looks. So are objects that
    hold a module and more than 256 values, and what these hold: a trainer's progress is nothing that a forward reads.
    """

    def __init__(self, net: nn.Module, copied: Container[int], known: Container[int]) -> None:
        items = [item for item in _reached(net, copied) if id(item) not in known]
        self._arrays = [(item, _array(item)) for item in items if isinstance(item, np.ndarray)]
        readings = [(item, read) for item in items if (read := _reader(item)) is not None]
        self._contents = [(item, read, read(item)) for item, read in readings]

    def still(self) -> bool:
        """Return whether all of it holds the very same objects, and all arrays have the same values."""
        return all(_same(read(item), then) for item, read, then in self._contents) and all(
            _array(item) == then for item, then in self._arrays
        )


def _same(now: Sequence[object], then: Sequence[object]) -> bool:
    return len(now) == len(then) and all(map(is_, now, then))


def _array(array: np.ndarray) -> tuple[object, ...]:
    return array.shape, array.dtype, VALUES[np.ndarray].read(array)


def _reached(net: nn.Module, copied: Container[int]) -> Iterator[object]:
    """Return what was copied of all that a network's modules hold, each once, registered modules aside."""
    modules = list(net.modules())
    seen = set(map(id, modules))
    pending = deque(item for module in modules for item in _parts(module))
    while pending:
        item = pending.popleft()
        if id(item) in seen or id(item) not in copied or type(item) in VALUES and type(item) is not np.ndarray:
            continue
        seen.add(id(item))
        if isinstance(item, _OPAQUE) or _is_large(item):
            continue
        yield item
        pending.extend(_parts(item))


def _parts(item: object) -> list[object]:
    if isinstance(item, nn.Module):
        parts = [value for name, value in fields(item).items() if name not in IRRELEVANT and name != _CARRIED]
    elif isinstance(item, types.FunctionType):
        parts = [*(item.__closure__ or ()), *inside(item), *item.__dict__.values()]
    elif isinstance(item, types.CellType):
        parts = _cell(item)
    else:
        parts = [] if isinstance(item, np.ndarray) else inside(item)
    return [part for part in parts if type(part) not in ATOMS]


def _is_large(item: object) -> bool:
    """Return whether an object only serves the network: one with too many values to be its state."""
    if isinstance(item, (nn.Module, *_READERS, *_UNCHANGING, np.ndarray)):
        return False
    return len(list(islice(reached(item), SMALL + 1))) > SMALL


def _reader(item: object) -> Read | None:
    if isinstance(item, (*_UNCHANGING, np.ndarray)):
        return None
    read = next((_READERS[base] for base in type(item).__mro__ if base in _READERS), None)
    if read is not None:
        return read
    if isinstance(item, nn.Module):
        return _module_attributes
    return _attributes if has_slots(type(item)) else _dictionary


def _items(held: dict[object, object]) -> list[object]:
    return [*dict.keys(held), *dict.values(held)]


def _attributes(held: object) -> list[object]:
    return _items(fields(held))  # type: ignore[arg-type]  # names are objects, too


def _dictionary(held: object) -> list[object]:
    try:
        return _items(object.__getattribute__(held, "__dict__"))
    except AttributeError:
        return []


def _module_attributes(held: nn.Module) -> list[object]:
    return [part for name, value in fields(held).items() if name != "training" for part in (name, value)]


def _function_attributes(held: types.FunctionType) -> list[object]:
    return [held.__code__, held.__defaults__, held.__kwdefaults__, *_items(held.__dict__)]  # type: ignore[arg-type]


def _cell(cell: types.CellType) -> list[object]:
    try:
        return [cell.cell_contents]
    except ValueError:  # not filled
        return []


_READERS: dict[type, Read] = {
    dict: _items,
    list: lambda held: list(list.__iter__(held)),
    deque: lambda held: list(deque.__iter__(held)),
    set: lambda held: sorted(set.__iter__(held), key=id),
    types.CellType: _cell,
    types.FunctionType: _function_attributes,
}
