"""nbviz: open a trained vision network in a notebook, live.

``nbviz.Explorer(model, images)`` draws four linked panels over your own PyTorch model: the layer tree,
the channel grid, the saliency canvas and the class dropdown. The same computations are plain calls
(``nbviz.attribute``, ``nbviz.InstrumentedModel``) for scripts. Names are loaded when first used, so that
``import nbviz`` costs neither a widget library nor a model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nbviz.version import __version__ as __version__

if TYPE_CHECKING:
    from nbviz import edits, lessons, zoo
    from nbviz.attribution import METHODS, Attribution, attribute, register
    from nbviz.circuits import channel_effects, circuit
    from nbviz.comparison import compare
    from nbviz.dataset import Atlas, Index
    from nbviz.edits import attack
    from nbviz.errors import NbvizError
    from nbviz.evaluation.health import health
    from nbviz.explorer import Explorer
    from nbviz.features import invert, visualize
    from nbviz.model.instrumented import InstrumentedModel
    from nbviz.model.target import Target
    from nbviz.pictures.preprocessing import Preprocessing
    from nbviz.reports import report
    from nbviz.reviews import Review, review

__all__ = [
    "METHODS",
    "Atlas",
    "Attribution",
    "Explorer",
    "Index",
    "InstrumentedModel",
    "NbvizError",
    "Preprocessing",
    "Review",
    "Target",
    "attack",
    "attribute",
    "channel_effects",
    "circuit",
    "compare",
    "edits",
    "health",
    "invert",
    "lessons",
    "register",
    "report",
    "review",
    "visualize",
    "zoo",
]

_HOME = {
    "METHODS": "nbviz.attribution",
    "Atlas": "nbviz.dataset",
    "Attribution": "nbviz.attribution",
    "Explorer": "nbviz.explorer",
    "Index": "nbviz.dataset",
    "InstrumentedModel": "nbviz.model.instrumented",
    "NbvizError": "nbviz.errors",
    "Preprocessing": "nbviz.pictures.preprocessing",
    "Review": "nbviz.reviews",
    "Target": "nbviz.model.target",
    "attack": "nbviz.edits",
    "attribute": "nbviz.attribution",
    "channel_effects": "nbviz.circuits",
    "circuit": "nbviz.circuits",
    "compare": "nbviz.comparison",
    "health": "nbviz.evaluation.health",
    "invert": "nbviz.features",
    "visualize": "nbviz.features",
    "register": "nbviz.attribution",
    "report": "nbviz.reports",
    "review": "nbviz.reviews",
}


def __getattr__(name: str) -> Any:
    if name in ("zoo", "edits", "lessons"):
        return importlib.import_module(f"nbviz.{name}")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'nbviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
