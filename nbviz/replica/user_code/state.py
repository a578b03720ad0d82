"""State that a replica has of its own, put back before each pass.

A forward may count, remember or grow: ``self.last = x``, a list that is appended to, a buffer written to, a layer
replaced. On a replica such writes would add up from pass to pass, and an answer would depend on how many came before
it. So each pass begins with what the replica was made with.
"""

from __future__ import annotations

import collections
import types
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from typing import Any, NamedTuple

import torch
from torch import nn

from nbviz.replica.copying.reach import cell_contents, has_slots, slots
from nbviz.replica.copying.values import STREAMS, own_value

_OURS = "_compiled_call_impl"
"""The one attribute of a replica's module that nbviz itself sets, around passes."""


class State:
    """Contents of a replica's own objects as they were when this was made.

    copies: the objects; what is shared with the user's network is not among them. tensors: the replica's own copies of
    those that the network writes to.
    """

    def __init__(self, copies: Sequence[object], tensors: Iterable[torch.Tensor]) -> None:
        self._hooks = [item for copy in copies if isinstance(copy, nn.Module) for item in _hooks(copy)]
        hooks = set(map(id, self._hooks))
        kinds = set(map(type, copies))
        slotted, own = set(filter(has_slots, kinds)), {kind: own_value(kind) for kind in kinds}
        holding = [copy for copy in copies if id(copy) not in hooks and own[type(copy)] is None]
        holders = [holder for copy in holding for holder in _holders(copy, slotted)]
        read = [(held, kind, kind.read(held)) for held, kind in holders]
        # most hold nothing, and that is seen of all of them at once
        self._empty = [one for one in read if not one[2] and type(one[0]) in _SIZED]
        self._nothing = [held for held, _, _ in self._empty]
        self._holders = [one for one in read if one[2] or type(one[0]) not in _SIZED]
        values = [(copy, value) for copy in copies if (value := own[type(copy)]) is not None]
        self._values = [(copy, value, value.read(copy)) for copy, value in values]
        self._tensors = [(tensor, tensor.detach().clone()) for tensor in tensors]
        self._versions = [tensor._version for tensor, _ in self._tensors]
        self.written = bool(self._tensors)
        """True if anything was found to differ so far."""
        self.draws = False
        """True if a random stream was."""

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Put the contents of a pass's beginning back, and take off hooks that the last pass put on modules."""
        self.put_back()
        before = list(map(tuple, self._hooks))
        try:
            yield
        finally:
            changed = list(map(tuple, self._hooks)) != before
            for hooks, names in zip(self._hooks, before, strict=True) if changed else ():
                for name in [name for name in hooks if name not in names]:
                    # a hook that a forward puts on itself would be there twice in the next pass
                    del hooks[name]
                    self.written = True

    def put_back(self) -> None:
        """Put back what passes wrote since."""
        self.put_back_objects()
        for i, (tensor, saved) in enumerate(self._tensors):
            # a graph over what was written is stale, but batch norm's, which writes without telling, never reads it
            written = tensor._version != self._versions[i]
            with torch.inference_mode(False), torch.no_grad():
                # resized in place: its memory may be too small for what it held
                if (tensor.shape, tensor.dtype) != (saved.shape, saved.dtype):
                    tensor.data = saved.clone()
                (tensor if written else tensor.data).copy_(saved)
            self._versions[i] = tensor._version

    def put_back_objects(self) -> None:
        """Put back all but the values of tensors, which a graph still in use may need as they are."""
        # identity, not equality: comparing may run code of the user's, and 1 == True
        for held, kind, saved in [*self._holders, *(self._empty if any(self._nothing) else ())]:
            now = kind.read(held)
            if len(now) != len(saved) or not all(map(is_, now, saved)):
                kind.write(held, saved)
                self.written = True
        for copy, value, contents in self._values:
            if value.read(copy) != contents:
                value.write(copy, contents)
                self.written = True
                self.draws |= isinstance(copy, STREAMS)


class _Kind(NamedTuple):
    """Kind of object that holds others: its contents as a flat list, and these put back."""

    read: Callable[[Any], Sequence[Any]]
    write: Callable[[Any, Sequence[Any]], None]


def _hooks(module: nn.Module) -> list[dict[int, object]]:
    """Return the dictionaries of a module's hooks: nbviz puts its own there, around passes."""
    return [item for name, item in module.__dict__.items() if "_hooks" in name and isinstance(item, dict)]


def _holders(copy: object, slotted: Container[type]) -> Iterator[tuple[object, _Kind]]:
    kind = _KINDS.get(type(copy)) or next((_KINDS[base] for base in type(copy).__mro__ if base in _KINDS), None)
    if kind is not None:
        yield copy, kind
    # a method or a class answers with its function's attributes
    if type(copy) in _SIZED or isinstance(copy, (types.MethodType, type)):
        return
    try:
        own = object.__getattribute__(copy, "__dict__")
    except (AttributeError, TypeError):
        own = None
    if isinstance(own, dict):
        yield own, _KINDS[dict]
    if type(copy) in slotted:
        yield copy, _SLOTS


def _items(held: dict[Any, Any]) -> list[Any]:
    base = _base(held)
    if _OURS not in held:
        return [*base.keys(held), *base.values(held)]
    names = [name for name in base.keys(held) if name != _OURS]
    return [*names, *(base.__getitem__(held, name) for name in names)]


def _put_items(held: dict[Any, Any], saved: Sequence[Any]) -> None:
    base, half = _base(held), len(saved) // 2
    ours = {_OURS: held[_OURS]} if _OURS in held else {}
    base.clear(held)
    for name, value in (*zip(saved[:half], saved[half:], strict=True), *ours.items()):
        base.__setitem__(held, name, value)


def _base(held: dict[Any, Any]) -> type[dict[Any, Any]]:
    return collections.OrderedDict if isinstance(held, collections.OrderedDict) else dict


def _put_elements(held: collections.deque[Any], saved: Sequence[Any]) -> None:
    collections.deque.clear(held)
    collections.deque.extend(held, saved)


def _put_members(held: set[Any], saved: Sequence[Any]) -> None:
    set.clear(held)
    set.update(held, saved)


def _put_cell_contents(cell: types.CellType, saved: Sequence[Any]) -> None:
    if saved:
        cell.cell_contents = saved[0]
    else:
        del cell.cell_contents


def _slot_values(held: object) -> list[Any]:
    filled = slots(held)
    return [*filled, *filled.values()]


def _put_slot_values(held: object, saved: Sequence[Any]) -> None:
    half = len(saved) // 2
    for name in set(slots(held)).difference(saved[:half]):
        object.__delattr__(held, name)
    for name, value in zip(saved[:half], saved[half:], strict=True):
        object.__setattr__(held, name, value)


_SIZED = frozenset((dict, list, set, collections.deque))
"""Containers that have no attributes, as long as they are of no class of the user's."""
_SLOTS = _Kind(_slot_values, _put_slot_values)
_KINDS: dict[type, _Kind] = {
    dict: _Kind(_items, _put_items),
    list: _Kind(lambda held: list(list.__iter__(held)), lambda held, saved: list.__setitem__(held, slice(None), saved)),
    collections.deque: _Kind(lambda held: list(collections.deque.__iter__(held)), _put_elements),
    set: _Kind(lambda held: sorted(set.__iter__(held), key=id), _put_members),
    types.CellType: _Kind(cell_contents, _put_cell_contents),
}
