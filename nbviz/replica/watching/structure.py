"""Structure of a network, compared with what it was in a fraction of a millisecond.

Identities of modules, tensors, hooks, plain attributes and of the classes' functions, read at C speed through views
of the modules' dictionaries. What they pointed to is held meanwhile, else the address of something freed could come
back as something else's. Training modes are left out: passes run in eval mode, and a training loop switches all the
time.
"""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator
from itertools import chain
from operator import is_
from typing import Any
from weakref import ref

from torch import nn

IRRELEVANT = (
    *("_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks"),
    *("_non_persistent_buffers_set", "_backward_pre_hooks", "_is_full_backward_hook"),
    *("_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs"),
)
_COMPARED = (types.FunctionType, nn.Module)
"""Attributes of classes that are compared."""
_CONTAINERS = (dict, list, tuple, set)


class Structure:
    """The structure as it was when this was made; ``still()`` tells whether it is now."""

    def __init__(self, net: nn.Module) -> None:
        modules = list(net.modules())
        containers: dict[int, Collection[Any]] = {}
        for module in modules:
            for name, value in list(module.__dict__.items()):
                if name not in IRRELEVANT:
                    _collect(value, containers)
        # the root by a weak reference: whoever remembers a network's structure need not keep it
        self._root, self._inner = ref(net), modules[1:]
        self._kinds = list(map(type, modules))
        self.containers = frozenset(containers)
        """Ids of the containers that are compared."""
        changeable = [container for container in containers.values() if not isinstance(container, tuple)]
        self._attributes = _Values([module.__dict__.values() for module in modules])
        self._modes = {
            i for i, name in enumerate(chain(*[module.__dict__ for module in modules])) if name == "training"
        }
        self._items = _Values([_view(container) for container in changeable if container])
        self._names = _Values([container for container in changeable if container and isinstance(container, dict)])
        self._empty = [container for container in changeable if not container]
        # held for their addresses alone, see above
        self._held = [list(_view(container)) for container in containers.values()]
        self._functions = [
            (kind, name, function)
            # of classes, once each: a method that is replaced on the class changes every module of it
            for kind in dict.fromkeys(type(module) for module in modules)
            for name, function in _functions(kind)
        ]

    def still(self) -> bool:
        """Return whether all modules, tensors, hooks, plain attributes and functions of classes are the very same."""
        return (
            not any(self._empty)
            and all(map(is_, map(type, chain((self._root(),), self._inner)), self._kinds))
            and self._attributes.still(self._modes)
            and self._items.still()
            and self._names.still()
            and all(getattr(kind, name, None) is function for kind, name, function in self._functions)
        )

    def held(self) -> Iterator[object]:
        """Return what is held meanwhile, containers and classes aside."""
        yield from chain(self._attributes.then, self._items.then, *self._held)


class _Values:
    """Contents of some collections, in their order."""

    def __init__(self, views: list[Collection[Any]]) -> None:
        self._views = views
        self._sizes = list(map(len, views))
        self.then = list(chain.from_iterable(views))
        """Objects that they held when they were last compared."""

    def still(self, but: Collection[int] = ()) -> bool:
        """Return whether they hold the same objects now, the places ``but`` aside."""
        if list(map(len, self._views)) != self._sizes:
            return False
        if all(map(is_, chain.from_iterable(self._views), self.then)):
            return True
        now = list(chain.from_iterable(self._views))
        pairs = enumerate(zip(now, self.then, strict=True))
        if not but or any(new is not old for i, (new, old) in pairs if i not in but):
            return False
        # training modes have changed, which count for nothing: compare with these from now on, at full speed
        self.then = now
        return True


def _view(container: Collection[Any]) -> Collection[Any]:
    return container.values() if isinstance(container, dict) else container


def _collect(value: object, containers: dict[int, Collection[Any]], depth: int = 2) -> None:
    if isinstance(value, _CONTAINERS) and id(value) not in containers:
        containers[id(value)] = value
        for item in list(_view(value)) if depth else ():
            _collect(item, containers, depth - 1)


def _functions(kind: type) -> Iterator[tuple[str, Any]]:
    """Return a class's functions and modules, the forward alone of torch's own classes."""
    yield "forward", getattr(kind, "forward", None)
    for base in kind.__mro__[: kind.__mro__.index(nn.Module)]:
        if not base.__module__.startswith("torch."):
            own = (name for name, value in vars(base).items() if isinstance(value, _COMPARED))
            values = ((name, getattr(kind, name)) for name in own)
            yield from (pair for pair in values if isinstance(pair[1], _COMPARED))
