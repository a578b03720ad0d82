"""Finalisers left out: classes whose objects do nothing when collected, but are otherwise the user's own."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class _Blank:
    """Base of a class until it is given another one."""


def derived(kind: type[T]) -> type[T]:
    """Return a class like this one, whose objects do nothing when they are collected."""
    namespace: dict[str, object] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    if hasattr(kind, "__del__"):
        # a finaliser would take hooks off the user's network, or close its files
        namespace["__del__"] = _nothing
    twin = type.__new__(type(kind), kind.__name__, (_Blank,), {**namespace, "__doc__": kind.__doc__})
    try:
        # set afterwards, so that no __init_subclass__ of the user's hears of it
        twin.__bases__ = (kind,)
    except TypeError:  # objects of the two are laid out differently
        twin = type.__new__(type(kind), kind.__name__, (kind,), {**namespace, "__slots__": ()})
    return twin


def _nothing(self: object) -> None:
    """Stand for a finaliser."""
