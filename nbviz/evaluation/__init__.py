"""Evaluation of maps: how far one can be trusted.

Four verdicts that one picture allows: ``converged``, ``this_class``, ``these_weights`` and ``hiding``. Figures that
give none: deletion and insertion ``curves`` beside ``controls``, ``stability``, ``completeness``, ``pointing``,
``road`` and ``infidelity``; ``summary`` says over many pictures what one cannot say. What takes passes of the
network is a generator; ``settle`` runs one to its end. ``MEASURES`` has them all by name: a further one is a file, or
a notebook cell, that registers itself with ``measure``.
"""

from __future__ import annotations

from nbviz.evaluation.base import Curve, Explain, Map, Verdict, settle
from nbviz.evaluation.control_maps import ControlMap, control
from nbviz.evaluation.detail import Detail, detail
from nbviz.evaluation.measures.completeness import completeness
from nbviz.evaluation.measures.converged import converged
from nbviz.evaluation.measures.curves import Curves, controls, curves
from nbviz.evaluation.measures.hiding import Hidings, hiding, hidings
from nbviz.evaluation.measures.infidelity import Infidelity, infidelity
from nbviz.evaluation.measures.pointing import Pointing, pointing
from nbviz.evaluation.measures.road import imputed, road
from nbviz.evaluation.measures.stability import stability
from nbviz.evaluation.measures.these_weights import these_weights
from nbviz.evaluation.measures.this_class import this_class
from nbviz.evaluation.redrawn import redrawn
from nbviz.evaluation.registry import MEASURES, Case, Measured, measure
from nbviz.evaluation.summary import summary

__all__ = [
    "Case",
    "MEASURES",
    "Measured",
    "measure",
    "ControlMap",
    "Curve",
    "Curves",
    "Detail",
    "Explain",
    "Hidings",
    "Infidelity",
    "Map",
    "Pointing",
    "Verdict",
    "completeness",
    "control",
    "controls",
    "converged",
    "curves",
    "detail",
    "hiding",
    "hidings",
    "imputed",
    "infidelity",
    "pointing",
    "redrawn",
    "road",
    "settle",
    "stability",
    "summary",
    "these_weights",
    "this_class",
]
