"""Copies of Python's own objects that hold others: methods, partials, references, iterators, queues, streams.

A rule takes the copier and the user's object. Here no code of the user's runs either: only the exact classes of the
standard library are rebuilt.
"""

from __future__ import annotations

import functools
import queue
import threading
import types
import weakref
from collections.abc import Callable
from functools import _lru_cache_wrapper
from typing import Any, Protocol, TypeVar

import torch
from torch import nn

from nbviz.replica.copying.iterators import UNCOPIABLE, Replay, Sink, StandIn, make, recipe
from nbviz.replica.user_code.streams import OwnGenerator

T = TypeVar("T")


class Copies(Protocol):
    """Copier, as a rule sees it."""

    def copy(self, value: T) -> T:
        """Copy a value; returned itself where it holds neither module nor state."""
        ...

    def remember(self, value: object, twin: T) -> T:
        """Note a copy, for when the value is met again."""
        ...

    def hold(self, twin: object) -> None:
        """Keep alive what the copy holds weakly only."""
        ...


_Rule = Callable[[Copies, Any], object]
_locals: weakref.WeakKeyDictionary[threading.local, dict[str, object]] = weakref.WeakKeyDictionary()
"""Attributes of thread-locals in the thread that set them: a replica may be made in another."""


def iterator_copy(copier: Copies, value: object) -> object:
    """Copy one of Python's iterators over its own parts."""
    parts = recipe(value)
    if parts is None:
        return stand_in(copier, value)
    function, arguments, position = parts
    return copier.remember(value, Replay(make(function, copier.copy(arguments), copier.copy(position))))


def stand_in(copier: Copies, value: object) -> object:
    """Return what refuses in place of an object that can't be copied."""
    return copier.remember(value, StandIn(type(value)))


def sink(copier: Copies, value: object) -> object:
    """Return what leaves out a forward's writes, in place of an open file."""
    return copier.remember(value, Sink(type(value)))


def _method(copier: Copies, value: types.MethodType) -> object:
    owner, function = copier.copy(value.__self__), copier.copy(value.__func__)
    same = owner is value.__self__ and function is value.__func__
    return copier.remember(value, value if same else types.MethodType(function, owner))


def _partial(copier: Copies, value: functools.partial[object]) -> object:
    function, arguments, keywords = copier.copy(value.func), copier.copy(value.args), copier.copy(value.keywords)
    return copier.remember(value, type(value)(function, *arguments, **keywords))


def _reference(copier: Copies, value: weakref.ReferenceType[object]) -> object:
    target = value()
    if not isinstance(target, nn.Module) or type(value) is not weakref.ref:
        return copier.remember(value, value)
    twin = copier.copy(target)
    copier.hold(twin)
    return copier.remember(value, weakref.ref(twin))


def _weak_proxy(copier: Copies, value: weakref.ProxyType[Any]) -> object:
    try:
        method: Any = value.__init__
        target = method.__self__  # a bound method knows whose it is
    except ReferenceError:
        return copier.remember(value, value)
    twin = copier.copy(target)
    copier.hold(twin)
    return copier.remember(value, weakref.proxy(twin))


def _queue(copier: Copies, value: queue.Queue[Any]) -> object:
    if type(value) not in _QUEUES:  # a class of the user's could do anything
        return copier.remember(value, value)
    twin = copier.remember(value, type(value)(value.maxsize))
    # the user's threads may be putting and taking
    with value.mutex:
        twin.queue, twin.unfinished_tasks = copier.copy(value.queue), value.unfinished_tasks
    return twin


def _weak_values(copier: Copies, value: weakref.WeakValueDictionary[Any, Any]) -> object:
    twin: weakref.WeakValueDictionary[Any, Any] = copier.remember(value, weakref.WeakValueDictionary())
    for key, item in list(value.items()):
        mine = copier.copy(item)
        copier.hold(mine)
        twin[copier.copy(key)] = mine
    return twin


def _weak_keys(copier: Copies, value: weakref.WeakKeyDictionary[Any, Any]) -> object:
    twin: weakref.WeakKeyDictionary[Any, Any] = copier.remember(value, weakref.WeakKeyDictionary())
    for key, item in list(value.items()):
        mine = copier.copy(key)
        copier.hold(mine)
        twin[mine] = copier.copy(item)
    return twin


def _weak_set(copier: Copies, value: weakref.WeakSet[Any]) -> object:
    twin: weakref.WeakSet[Any] = copier.remember(value, weakref.WeakSet())
    for item in list(value):
        mine = copier.copy(item)
        copier.hold(mine)
        twin.add(mine)
    return twin


def _view(copier: Copies, value: memoryview) -> object:
    owner = copier.copy(value.obj)
    if owner is value.obj:
        return copier.remember(value, value)
    # a part of the owner's memory can't be found again in the copy's: only the whole is the same view
    whole = memoryview(owner)
    if (whole.shape, whole.format, whole.strides) != (value.shape, value.format, value.strides):
        return stand_in(copier, value)
    return copier.remember(value, whole)


def _local(copier: Copies, value: threading.local) -> object:
    # empty in the thread that makes the replica means another thread's: then the last that were seen
    if value.__dict__:
        _locals[value] = dict(value.__dict__)
    twin = copier.remember(value, types.SimpleNamespace())
    twin.__dict__.update({name: copier.copy(item) for name, item in _locals.get(value, {}).items()})
    return twin


def _proxy(copier: Copies, value: types.MappingProxyType[Any, Any]) -> object:
    inner = dict(value)
    items = {copier.copy(key): copier.copy(item) for key, item in inner.items()}
    same = all(items[key] is inner[key] for key in inner if key in items) and len(items) == len(inner)
    return copier.remember(value, value if same else types.MappingProxyType(items))


def _cached(copier: Copies, value: _lru_cache_wrapper[Any]) -> object:
    # an empty cache: what the user's holds may be tensors of the user's modules
    twin = functools.lru_cache(**value.cache_parameters())(copier.copy(value.__wrapped__))
    twin.__dict__.update({name: item for name, item in value.__dict__.items() if name != "__wrapped__"})
    return copier.remember(value, twin)


def _generator(copier: Copies, value: torch.Generator) -> object:
    twin = OwnGenerator(value.device)
    twin.set_state(value.get_state())
    return copier.remember(value, twin)


_QUEUES = (queue.Queue, queue.LifoQueue, queue.PriorityQueue)
Cached = type(functools.lru_cache(len))
"""Class of functions with a cache."""
HOLDERS: dict[type, _Rule] = {
    types.MethodType: _method,
    functools.partial: _partial,
    weakref.ReferenceType: _reference,
    **dict.fromkeys((weakref.ProxyType, weakref.CallableProxyType), _weak_proxy),
    queue.Queue: _queue,
    weakref.WeakValueDictionary: _weak_values,
    weakref.WeakKeyDictionary: _weak_keys,
    weakref.WeakSet: _weak_set,
    memoryview: _view,
    threading.local: _local,
    types.MappingProxyType: _proxy,
    Cached: _cached,
    torch.Generator: _generator,
    **dict.fromkeys(UNCOPIABLE, stand_in),
}
