"""Import of scikit-learn on first use: it takes a second, and most calls never need it."""

from __future__ import annotations

import random
import sys
from importlib import import_module
from types import ModuleType


def scikit(name: str) -> ModuleType:
    """Import a module of scikit-learn, such as ``"cluster"``; Python's random generator is left where it was.

    Importing it draws a number: rich, which scikit-learn brings since 1.9, does.
    """
    name = f"sklearn.{name}"
    if name in sys.modules:
        return import_module(name)
    state = random.getstate()
    try:
        return import_module(name)
    finally:
        random.setstate(state)
