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

from nbviz.replica.copying.arrays import MOST_BYTES
from nbviz.replica.copying.iterators import is_iterator, position
from nbviz.replica.copying.reach import ATOMS, SMALL, cell_contents, fields, has_slots, inside, reached
from nbviz.replica.copying.values import STREAMS, VALUES
from nbviz.replica.watching.structure import IRRELEVANT

SAMPLES = 4096
"""Values of a large array that are compared."""
Read = Callable[[Any], Sequence[object]]
_ATOMS = frozenset(ATOMS)
_OPAQUE = (torch.Tensor, weakref.ReferenceType, RemovableHandle)
_UNCHANGING = (tuple, frozenset, types.MethodType)
_CARRIED = "nbviz_preprocessing"
"""Attribute of our own on a module: it keeps what it works out when it is first used, and no forward reads it."""


class HeldState:
    """Plain state as it was when this was made; ``still()`` tells whether it is now.

    copied: ids of the user's objects of which a replica has its own. known: those of containers compared elsewhere.
    Random streams count if told to, for a network that draws from them. Objects are left out that
    hold a module and more than 256 values, and what these hold: a trainer's progress is nothing that a forward reads.
    """

    def __init__(self, net: nn.Module, copied: Container[int], known: Container[int]) -> None:
        items = [item for item in _reached(net, copied) if id(item) not in known]
        readers = {kind: _value_reader(kind) for kind in set(map(type, items))}
        values = [(item, read) for item in items if (read := readers[type(item)]) is not None]
        self._values = [(item, read, read(item)) for item, read in values if not isinstance(item, STREAMS)]
        self._streams = [(item, read, read(item)) for item, read in values if isinstance(item, STREAMS)]
        others = [item for item in items if readers[type(item)] is None]
        readings = [(item, read) for item in others if (read := _reader(item)) is not None]
        self._contents = [(item, read, read(item)) for item, read in readings]

    def still(self, streams: bool = False) -> bool:
        """Return whether all of it holds the very same objects, and arrays, texts and iterators are what they were."""
        values = [*self._values, *self._streams] if streams else self._values
        return all(_same(read(item), then) for item, read, then in self._contents) and all(
            read(item) == then for item, read, then in values
        )

    def held(self) -> Iterator[object]:
        """Return what is held meanwhile, containers aside."""
        yield from (item for item, _, _ in (*self._values, *self._streams))
        yield from (part for _, _, parts in self._contents for part in parts)


def _same(now: Sequence[object], then: Sequence[object]) -> bool:
    # identity: an equal object put in another's place may be changed later by itself
    return len(now) == len(then) and all(map(is_, now, then))


def _array(array: np.ndarray) -> tuple[object, ...]:
    if array.nbytes > MOST_BYTES:
        # a sample of a large one: reading all at every event would take as long as a pass
        return array.shape, array.dtype, array.flat[:: array.size // SAMPLES].tobytes()
    return array.shape, array.dtype, array.tobytes()


def _value_reader(kind: type) -> Callable[[Any], object] | None:
    """Return what reads a value that changes in place; None for a class that has none."""
    if kind in _VALUE_READERS:
        return _VALUE_READERS[kind]
    if issubclass(kind, np.ndarray):
        return _array
    return position if is_iterator(kind) else None


def _reached(net: nn.Module, copied: Container[int]) -> Iterator[object]:
    """Return what was copied of all that a network's modules hold, each once, registered modules aside."""
    modules = list(net.modules())
    visited = set(map(id, modules))
    pending = deque(item for module in modules for item in _parts(module))
    while pending:
        item = pending.popleft()
        if id(item) in visited or id(item) not in copied:
            continue
        visited.add(id(item))
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
        parts = cell_contents(item)
    else:
        parts = [] if type(item) in _VALUE_READERS else inside(item)
    return [part for part in parts if type(part) not in _ATOMS]


def _is_large(item: object) -> bool:
    """Return whether an object only serves the network: one with too many values to be its state."""
    if isinstance(item, (nn.Module, *_READERS, *_UNCHANGING, *_VALUE_READERS)):
        return False
    # no further than that: what an object leads to may be all of the program
    return len(list(islice(reached(item), SMALL + 1))) > SMALL


def _reader(item: object) -> Read | None:
    if isinstance(item, _UNCHANGING):
        return None
    read = next((_READERS[base] for base in type(item).__mro__ if base in _READERS), None)
    if read is not None:
        return read
    if isinstance(item, nn.Module):
        return _module_attributes
    return _attributes if has_slots(type(item)) else _dictionary


def _items(held: dict[object, object]) -> list[object]:
    # dict's own, as list's and set's below: what a subclass overrides is the user's code, and may count its calls
    return [*dict.keys(held), *dict.values(held)]


def _attributes(held: object) -> list[object]:
    return [type(held), *_items(fields(held))]  # type: ignore[arg-type]  # names are objects, too


def _dictionary(held: object) -> list[object]:
    try:
        return [type(held), *_items(object.__getattribute__(held, "__dict__"))]
    except AttributeError:
        return []


def _module_attributes(held: nn.Module) -> list[object]:
    attributes = (part for name, value in fields(held).items() if name != "training" for part in (name, value))
    return [type(held), *attributes]


def _function_attributes(held: types.FunctionType) -> list[object]:
    return [held.__code__, held.__defaults__, held.__kwdefaults__, *_items(held.__dict__)]  # type: ignore[arg-type]


_VALUE_READERS: dict[type, Callable[[Any], object]] = {
    **{kind: value.read for kind, value in VALUES.items()},
    np.ndarray: _array,
    torch.Generator: lambda generator: generator.get_state().numpy().tobytes(),
}
_READERS: dict[type, Read] = {
    dict: _items,
    list: lambda held: list(list.__iter__(held)),
    deque: lambda held: list(deque.__iter__(held)),
    # a set's own order may change with no change of what it holds
    set: lambda held: sorted(set.__iter__(held), key=id),
    types.CellType: cell_contents,
    types.FunctionType: _function_attributes,
}
