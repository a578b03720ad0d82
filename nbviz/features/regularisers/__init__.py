"""Regularisers of made pictures: penalties, smoothed gradients, random warps.

One a file; importing this room registers them all. One of one's own: :func:`regulariser`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from nbviz.features.regularisers.base import REGULARISERS, About, Regulariser, regulariser

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["REGULARISERS", "About", "Regulariser", "regulariser"]
