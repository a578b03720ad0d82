"""Copies of modules and of whatever reaches a module or holds a network's state; all else is shared.

``copy.deepcopy`` would do, but for three things: it never copies a function, so that a closure goes on calling the
user's own module; it runs ``__deepcopy__``, ``__reduce__`` and ``__setstate__`` of the user's classes; and a copy has
their finalisers, which take hooks off the user's network or close its files. Here no code of the user's runs, and a
copy has no finaliser.
"""

from __future__ import annotations

import collections
import copy
import io
import types
import weakref
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar, cast

import numpy as np
import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from nbviz.errors import NbvizError
from nbviz.replica.copying.arrays import ArrayCopies
from nbviz.replica.copying.classes import Kinds
from nbviz.replica.copying.holders import HOLDERS, iterator_copy, sink
from nbviz.replica.copying.iterators import is_iterator
from nbviz.replica.copying.reach import ATOMS, SEARCHED, cells, fields, holds_module, is_state, reached, slots
from nbviz.replica.copying.values import VALUES

T = TypeVar("T")
Hook = Callable[..., object]
HookCopy = Callable[["Copier", str, Hook], object | None]
TensorMap = Callable[[torch.Tensor], torch.Tensor]
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_ATOMS = frozenset(ATOMS)
_DICTS = frozenset((dict, collections.OrderedDict))


class Copier:
    """Maker of one consistent copy: what is met twice is copied once.

    tensor_map: gives the copy's tensors. hook_copy(copier, attribute, hook): gives its hooks, None for one left out;
    it is asked when all that the network itself holds has been copied.
    """

    def __init__(self, tensor_map: TensorMap, hook_copy: HookCopy, arrays: ArrayCopies | None = None) -> None:
        self.arrays = ArrayCopies({}, False) if arrays is None else arrays
        self._map, self._hook_copy = tensor_map, hook_copy
        # originals are held too: the address of one freed meanwhile could come back as another's
        self._memo: dict[int, tuple[object, object]] = {}
        self._hooks: list[tuple[dict[int, object], dict[int, Hook]]] = []
        self._hook_kinds: dict[int, str] = {}
        self._weak: list[object] = []
        self._kinds = Kinds()
        self._rules = dict(_RULES)
        self.tensors: list[torch.Tensor] = []
        """The user's tensors met, once each, in the order of the walk."""
        self.modules: dict[int, nn.Module] = {}
        """The copies' modules by the ``id`` of the user's."""

    def network(self, net: nn.Module) -> nn.Module:
        """Copy a network, with its hooks, in the network's own training mode."""
        twin = self.copy(net)
        # hooks last: whether one may be left out depends on what the network itself holds
        while self._hooks:
            mine, theirs = self._hooks.pop()
            # a list: the network may be running in another thread, and its hooks come and go
            for key, hook in list(theirs.items()):
                twin_hook = self._hook_copy(self, self._hook_kinds.get(id(theirs), ""), hook)
                if twin_hook is not None:
                    mine[key] = twin_hook
        if self._weak:
            # what the network holds weakly lives as long as its copy does
            twin.__dict__["_nbviz_weakly_held"] = self._weak
        return twin

    def copy(self, value: T) -> T:
        """Copy a value; returned itself where it holds neither module nor state."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        known = self._memo.get(id(value))
        if known is not None:
            return cast(T, known[1])
        return cast(T, self._rule(kind)(self, value))

    def own(self) -> Iterator[tuple[object, object]]:
        """Return the user's objects of which the copy has its own, each with that one."""
        return (pair for pair in self._memo.values() if pair[0] is not pair[1])

    def met(self, value: object) -> bool:
        """Return whether the network holds this very object, as far as it has been copied."""
        return id(value) in self._memo

    def touches(self, value: object) -> bool:
        """Return whether a value reaches a module, or something of which the network's copy has its own."""
        # an end to it: a hook may hold a whole notebook
        parts = islice(reached(value), SEARCHED)
        return any(issubclass(type(part), nn.Module) or self._differs(part) for part in parts)

    def _differs(self, value: object) -> bool:
        known = self._memo.get(id(value))
        return known is not None and known[1] is not value

    def _rule(self, kind: type) -> Callable[[Copier, object], object]:
        rule = self._rules.get(kind)
        if rule is None:
            rule = next((_RULES[base] for base in kind.__mro__ if base in _RULES), _other_rule(kind))
            self._rules[kind] = rule
        return rule

    def remember(self, value: object, twin: T) -> T:
        """Note a copy, for when the value is met again."""
        self._memo[id(value)] = value, twin
        return twin

    def hold(self, twin: object) -> None:
        """Keep alive what the copy holds weakly only."""
        self._weak.append(twin)

    def _module(self, value: nn.Module) -> object:
        if isinstance(value, torch.jit.ScriptModule):  # lives in C++, where it can't share its tensors
            self.modules[id(value)] = copy.deepcopy(value)
            return self.remember(value, self.modules[id(value)])
        # remembered before its parts are copied, which may lead back to it; object's __new__, so that no code of the
        # user's runs
        twin: nn.Module = self.remember(value, object.__new__(self._kinds.of(type(value), self.copy)))
        self.modules[id(value)] = twin
        attributes = dict(value.__dict__)
        for name, item in attributes.items():
            if type(item) in _DICTS and not item:  # ten of a module's dictionaries, most of what is copied
                attributes[name] = self._empty(item)
            elif name in HOOKS:
                self._hook_kinds[id(item)] = name
                attributes[name] = self._hook_dict(item)
            elif type(item) not in _ATOMS:
                attributes[name] = self.copy(item)
        twin.__dict__.update(attributes)
        for name, item in slots(value).items():
            object.__setattr__(twin, name, self.copy(item))
        return twin

    def _empty(self, value: dict[object, object]) -> object:
        known = self._memo.get(id(value))
        return known[1] if known is not None else self.remember(value, type(value)())

    def _hook_dict(self, value: dict[int, Hook]) -> object:
        """Return an empty copy, to be filled when all that the network itself holds is known."""
        known = self._memo.get(id(value))
        if known is not None:
            return known[1]
        twin: dict[int, object] = self.remember(value, collections.OrderedDict())
        self._hooks.append((twin, value))
        return twin

    def _handle(self, value: RemovableHandle) -> object:
        # one that takes a hook off takes it off the copy
        twin = self.remember(value, object.__new__(type(value)))
        twin.__dict__.update(value.__dict__)
        hooks = value.hooks_dict_ref()
        empty: dict[int, object] = collections.OrderedDict()
        twin.hooks_dict_ref = weakref.ref(self._hook_dict(hooks) if hooks is not None else empty)
        others = (ref() for ref in value.extra_dict_ref)
        twin.extra_dict_ref = tuple(weakref.ref(self.copy(other)) for other in others if other is not None)
        return twin

    def _tensor(self, value: torch.Tensor) -> object:
        if isinstance(value, nn.parameter.UninitializedTensorMixin):
            raise NbvizError("The network has lazy modules without weights yet: run one batch through it first.")
        self.tensors.append(value)
        return self.remember(value, self._map(value))

    def _dict(self, value: dict[object, object]) -> object:
        base = collections.OrderedDict if isinstance(value, collections.OrderedDict) else dict
        twin = self.remember(value, base.__new__(type(value)))
        if isinstance(value, collections.defaultdict):
            cast(collections.defaultdict[object, object], twin).default_factory = self.copy(value.default_factory)
        # dict's own methods: those of a subclass may be the user's
        for key, item in list(base.items(value)):
            base.__setitem__(twin, self.copy(key), self.copy(item))
        return self._attributed(value, twin)

    def _list(self, value: list[object]) -> object:
        twin: list[object] = self.remember(value, list.__new__(type(value)))
        list.extend(twin, map(self.copy, list(value)))
        return self._attributed(value, twin)

    def _deque(self, value: collections.deque[object]) -> object:
        twin: collections.deque[object] = self.remember(value, collections.deque.__new__(type(value)))
        collections.deque.__init__(twin, (), value.maxlen)
        collections.deque.extend(twin, map(self.copy, list(value)))
        return self._attributed(value, twin)

    def _set(self, value: set[object]) -> object:
        twin: set[object] = self.remember(value, set.__new__(type(value)))
        set.update(twin, map(self.copy, list(value)))
        return self._attributed(value, twin)

    def _immutable(self, value: tuple[object, ...] | frozenset[object]) -> object:
        items = [self.copy(item) for item in value]
        if all(mine is item for mine, item in zip(items, value, strict=True)):
            return self.remember(value, value)
        if isinstance(value, tuple):
            return self.remember(value, tuple.__new__(type(value), items))
        return self.remember(value, frozenset.__new__(type(value), items))

    def _attributed(self, value: object, twin: T) -> T:
        """Copy a container, with the attributes that a class of the user's adds."""
        if type(value).__module__ not in ("builtins", "collections"):
            for name, item in fields(value).items():
                object.__setattr__(twin, name, self.copy(item))
        return twin

    def _function(self, value: types.FunctionType) -> object:
        closure = tuple(self._cell(cell) for cell in value.__closure__ or ())
        # it shares its code and its globals: only what it closes over is copied
        twin = types.FunctionType(value.__code__, value.__globals__, value.__name__, None, closure)
        self.remember(value, twin)
        for mine, theirs in zip(closure, value.__closure__ or (), strict=True):
            self._fill(mine, theirs)
        twin.__defaults__, twin.__kwdefaults__ = self.copy(value.__defaults__), self.copy(value.__kwdefaults__)
        twin.__dict__.update({name: self.copy(item) for name, item in value.__dict__.items()})
        if _same_function(value, twin):
            return self.remember(value, value)
        twin.__qualname__, twin.__module__ = value.__qualname__, value.__module__
        return twin

    def _cell(self, cell: types.CellType) -> types.CellType:
        """Copy a cell once for all functions that share it."""
        known = self._memo.get(id(cell))
        return cast(types.CellType, known[1]) if known is not None else self.remember(cell, types.CellType())

    def _fill(self, mine: types.CellType, theirs: types.CellType) -> None:
        try:
            content = theirs.cell_contents
        except ValueError:  # not filled yet
            return
        mine.cell_contents = self.copy(content)

    def _array(self, value: np.ndarray) -> object:
        return self.remember(value, self.arrays.copy(value, self.copy))

    def _value(self, value: object) -> object:
        kind = next(kind for kind in type(value).__mro__ if kind in VALUES)
        return self.remember(value, VALUES[kind].copy(value))

    def _object(self, value: object) -> object:
        kind = type(value)
        own = fields(value) and (is_state(value) or holds_module(value)) or self._kinds.held(kind)
        if kind.__module__.startswith("torch.fx") or not own:
            return self.remember(value, value)
        # object's __new__ refuses a class that is laid out in C
        new = kind.__new__ if issubclass(kind, types.SimpleNamespace) else object.__new__
        try:
            twin: object = self.remember(value, new(self._kinds.of(kind, self.copy)))
        except TypeError:  # its class is not Python's to make
            return self.remember(value, value)
        for name, item in fields(value).items():
            object.__setattr__(twin, name, self.copy(item))
        return twin


_RULES: dict[type, Callable[[Copier, object], object]] = cast(
    dict[type, Callable[[Copier, object], object]],
    {
        nn.Module: Copier._module,
        torch.Tensor: Copier._tensor,
        np.ndarray: Copier._array,
        dict: Copier._dict,
        list: Copier._list,
        collections.deque: Copier._deque,
        set: Copier._set,
        tuple: Copier._immutable,
        frozenset: Copier._immutable,
        types.FunctionType: Copier._function,
        RemovableHandle: Copier._handle,
        **dict.fromkeys(VALUES, Copier._value),
        **HOLDERS,
    },
)


def _other_rule(kind: type) -> Callable[[Copier, object], object]:
    if is_iterator(kind):
        return iterator_copy
    return sink if issubclass(kind, io.IOBase) else Copier._object


def _same_function(value: types.FunctionType, twin: types.FunctionType) -> bool:
    """Return whether a function's copy would be the same: neither holds anything of its own."""
    if value.__closure__ and not str(value.__module__).startswith("torch."):
        return False  # a closure of the user's may count in a cell
    if any(mine is not theirs for mine, theirs in zip(cells(twin), cells(value), strict=True)):
        return False
    return twin.__defaults__ is value.__defaults__ and not value.__kwdefaults__ and not value.__dict__
