"""Attribution methods, one per file, and their registry. A method registers itself when this room is imported."""

from __future__ import annotations

from importlib import import_module

from nbviz.attribution.base import (
    METHODS,
    About,
    Attribution,
    Method,
    register,
    result,
)
from nbviz.attribution.explanation import attribute, explain, explain_each

# by name, as a notebook's own methods are: this room does not know which there are
import_module(f"{__name__}.methods")

__all__ = ["METHODS", "About", "Attribution", "Method", "attribute", "explain", "explain_each", "register", "result"]
