"""How far a map can be trusted.

Four verdicts that one picture allows: ``converged``, ``this_class``, ``these_weights`` and ``hiding``.
"""

from __future__ import annotations

from nbviz.evaluation.base import Explain, Map, Verdict, settle
from nbviz.evaluation.classes import this_class
from nbviz.evaluation.converged import converged
from nbviz.evaluation.hiding import Hidings, hiding, hidings
from nbviz.evaluation.weights import these_weights

__all__ = [
    "Explain",
    "Hidings",
    "Map",
    "Verdict",
    "converged",
    "hiding",
    "hidings",
    "settle",
    "these_weights",
    "this_class",
]
