"""Remember what is known of a network for as long as it lives, without keeping it alive."""

from __future__ import annotations

import gc
import threading
import types
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import nn

from nbviz.replica.guest import Guest
from nbviz.replica.user_code.user_hooks import Hooks

K = TypeVar("K")
MOST_OBJECTS = 300_000
"""Objects looked through for a way back to a network; of one that holds more nothing is remembered."""


class WeakGuest(Guest):
    """Guest for the length of somebody else's reference to the network."""

    def __init__(self, net: nn.Module, device: str | torch.device = "auto", hooks: Hooks = "auto") -> None:
        self._net = weakref.ref(net)
        super().__init__(net, device, hooks)

    @property
    def net(self) -> nn.Module | None:
        """The user's network; None when it is gone."""
        return self._net()

    @net.setter
    def net(self, net: nn.Module) -> None:
        """Nothing: it would be held."""

    @property
    def _module(self) -> nn.Module:
        module = self._inner()
        assert module is not None  # whoever calls holds the network, and it holds what is inside of it
        return module

    @_module.setter
    def _module(self, module: nn.Module) -> None:
        self._inner = weakref.ref(module)


class Remembered(Generic[K]):
    """Values by network, forgotten when the network changes its structure or is freed. Thread-safe.

    make: the value for a network; it must not hold the network itself (:class:`WeakGuest`). valid: whether a value
    still fits its network. A network that its own parts lead back to (a closure over ``self``) has no value: it would
    never be freed.
    """

    def __init__(self, make: Callable[[nn.Module], K], valid: Callable[[K], bool]) -> None:
        self._make, self._valid = make, valid
        self._lock = threading.RLock()
        self._known: dict[int, tuple[weakref.ref[nn.Module], K]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, net: nn.Module) -> K | None:
        """Return the network's value, made where it isn't known; None for a network that can't be remembered."""
        with self._lock:
            known = self._known.get(id(net))
            # the address of one that was freed may be another's by now
            if known is not None and known[0]() is net and self._valid(known[1]):
                return known[1]
            self._known.pop(id(net), None)
            if _leads_back(net):
                return None
            value, key = self._make(net), id(net)
            self._known[key] = weakref.ref(net, lambda _: self._known.pop(key, None)), value
            return value


def _leads_back(net: nn.Module) -> bool:
    """Return whether something that a network holds holds the network."""
    # from the dictionary, not the network: its class leads everywhere
    visited, stack = {id(net.__dict__)}, [net.__dict__]
    while stack:
        for value in _held(stack.pop()):
            if value is net or len(visited) > MOST_OBJECTS:
                return True
            if id(value) not in visited and not isinstance(value, (type, types.ModuleType)):
                visited.add(id(value))
                stack.append(value)
    return False


def _held(value: object) -> list[object]:
    if isinstance(value, types.FunctionType):  # not its globals: a notebook's hold everything
        return [value.__closure__, value.__defaults__, value.__kwdefaults__, value.__dict__]
    if isinstance(value, dict):  # from Python 3.13 on the dictionary of an object whose values lie in it tells none
        return [*value.keys(), *value.values()]
    return gc.get_referents(value)
