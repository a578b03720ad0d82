"""Edits of the picture and of layers' outputs, as frozen values.

``Paint``, ``Transform``, ``Draw`` and ``Attack`` edit the network's input, ``Channels`` and ``Heads`` edit a layer. A
tuple of edits is made in order: ``model.edited(*edits)`` is an ``InstrumentedModel`` over the same weights, and the
user's network is left as it is. A new kind of edit is one file here, or one cell of a notebook: a frozen dataclass
registered with ``edit``.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from nbviz.edits.attack import Attack, Attacked, attack
from nbviz.edits.augmentation import Augmentation
from nbviz.edits.base import EDITS, edit
from nbviz.edits.channels import Channels
from nbviz.edits.draw import Draw
from nbviz.edits.heads import Heads
from nbviz.edits.mask import Mask
from nbviz.edits.paint import Paint
from nbviz.edits.presets import PRESETS, preset
from nbviz.edits.transform import TRANSFORMS, Transform, transformation
from nbviz.model.edit import Edit, NetworkEdit, PictureEdit

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "EDITS",
    "PRESETS",
    "TRANSFORMS",
    "Attack",
    "Attacked",
    "Augmentation",
    "Channels",
    "Draw",
    "Edit",
    "Heads",
    "Mask",
    "NetworkEdit",
    "Paint",
    "PictureEdit",
    "Transform",
    "attack",
    "edit",
    "preset",
    "transformation",
]
