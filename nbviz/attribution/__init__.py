"""Attribution methods, one a file, and their registry. A method registers itself when this room is imported."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from nbviz.attribution.base import (
    METHODS,
    About,
    Attribution,
    Method,
    attribute,
    explain,
    explain_each,
    register,
    result,
)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["METHODS", "About", "Attribution", "Method", "attribute", "explain", "explain_each", "register", "result"]
