"""nbviz: open a trained vision network in a notebook, live.

``nbviz.Explorer(model, images)`` draws four linked panels over your own PyTorch model: the layer tree,
the channel grid, the saliency canvas and the class dropdown. The same computations are plain calls
(``nbviz.attribute``, ``nbviz.InstrumentedModel``) for scripts. Names are loaded when first used, so that
``import nbviz`` costs neither a widget library nor a model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbviz import zoo
    from nbviz.attribution import METHODS, Attribution, attribute, register
    from nbviz.dataset import Atlas, Index
    from nbviz.evaluation.health import health
    from nbviz.explorer import Explorer
    from nbviz.features import invert, visualize
    from nbviz.session.compare import compare
    from nbviz.tensors.errors import NbvizError
    from nbviz.tensors.instrumented import InstrumentedModel
    from nbviz.tensors.preprocessing import Preprocessing
    from nbviz.tensors.target import Target

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "Atlas",
    "Attribution",
    "Explorer",
    "Index",
    "InstrumentedModel",
    "NbvizError",
    "Preprocessing",
    "Target",
    "attribute",
    "compare",
    "health",
    "invert",
    "register",
    "visualize",
    "zoo",
]

_HOME = {
    "METHODS": "nbviz.attribution",
    "Atlas": "nbviz.dataset",
    "Attribution": "nbviz.attribution",
    "Explorer": "nbviz.explorer",
    "Index": "nbviz.dataset",
    "InstrumentedModel": "nbviz.tensors.instrumented",
    "NbvizError": "nbviz.tensors.errors",
    "Preprocessing": "nbviz.tensors.preprocessing",
    "Target": "nbviz.tensors.target",
    "attribute": "nbviz.attribution",
    "compare": "nbviz.session.compare",
    "health": "nbviz.evaluation.health",
    "invert": "nbviz.features",
    "visualize": "nbviz.features",
    "register": "nbviz.attribution",
}


def __getattr__(name: str) -> Any:
    if name == "zoo":
        return importlib.import_module("nbviz.zoo")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'nbviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
