"""Import of scikit-learn on first use: it takes a second, and most calls never need it."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from nbviz.replica.user_code.streams import own_streams


def scikit(name: str) -> ModuleType:
    """Import a module of scikit-learn, such as ``"cluster"``; the global random streams stay where they are.

    Importing it draws a number: rich, which scikit-learn brings since 1.9, does. Putting the stream back afterwards
    would not do: the import takes a second, often on a worker, and a cell that draws meanwhile would get numbers that
    it gets again later.
    """
    return library(f"sklearn.{name}")


def library(name: str) -> ModuleType:
    """Import a library that may draw from global random streams as it is imported; they stay where they are."""
    if name in sys.modules:
        return import_module(name)  # another thread may be in the middle of it
    with own_streams():
        return import_module(name)
