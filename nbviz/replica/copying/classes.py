"""Classes of a replica's objects: the user's own, or derived from it where objects must not meet what the class holds.

A class may have a finaliser, an attribute that is a module, or methods that close over one. The derived class does
nothing when its objects are collected, and has copies of the rest.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

from nbviz.replica.copying.finalisers import derived
from nbviz.replica.copying.reach import holds_module
from nbviz.replica.user_code.calls import is_own


class Kinds:
    """Classes of one replica's objects, by the user's."""

    def __init__(self) -> None:
        self._known: dict[type, type] = {}
        self._held: dict[type, dict[str, Any]] = {}

    def of(self, kind: type, copy: Callable[[Any], Any]) -> type:
        """Return the class that copies of this class's objects get; ``copy`` copies what the class itself holds."""
        known = self._known.get(kind)
        if known is not None:
            return known
        held = self.held(kind)
        twin = derived(kind) if held or hasattr(kind, "__del__") else kind
        self._known[kind] = twin  # before its parts are copied, which may lead back here
        for name, value in held.items():
            # type's own: a metaclass of the user's may do anything on setting
            type.__setattr__(twin, name, _part(value, copy))
        return twin

    def held(self, kind: type) -> dict[str, Any]:
        """Return the attributes of a class through which a module can be reached, by name."""
        if kind not in self._held:
            self._held[kind] = dict(_held(kind))
        return self._held[kind]


def _part(value: object, copy: Callable[[Any], Any]) -> object:
    if isinstance(value, (staticmethod, classmethod)):
        return type(value)(copy(value.__func__))
    if isinstance(value, property):
        return property(copy(value.fget), copy(value.fset), copy(value.fdel), value.__doc__)
    return copy(value)


def _held(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of the user's own classes through which a module can be reached."""
    attributes: dict[str, Any] = {}
    # from the root up, so that a class's own attribute replaces its parent's
    for base in reversed(kind.__mro__):
        if is_own(base.__module__):
            attributes.update(vars(base))
    for name, value in attributes.items():
        if not isinstance(value, _PLAIN) and any(map(holds_module, parts(value))):
            yield name, value


def parts(value: object) -> list[object]:
    """Return the functions of a method of any kind, or of a property; of anything else itself."""
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [part for part in (value.fget, value.fset, value.fdel) if part is not None]
    return [value]


_PLAIN = (str, int, type, types.MemberDescriptorType, types.GetSetDescriptorType)
