"""What opens below the verdicts: curves beside controls, and facts without a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbviz.evaluation.base import Explain, Map, Steps
from nbviz.evaluation.maps import empty
from nbviz.evaluation.measures.curves import Curves, controls, curves
from nbviz.evaluation.measures.pointing import Pointing, pointing
from nbviz.evaluation.measures.stability import stability
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target


@dataclass(frozen=True, eq=False)
class Detail:
    """Figures of one map; a part that is None is not known yet, or does not apply."""

    curves: dict[str, Curves] = field(default_factory=dict)
    """``"map"`` and the controls: ``"random 1"`` …, ``"edges"``, ``"centre"``."""
    stability: float | None = None
    residual: float | None = None
    pointing: Pointing | None = None
    note: str = ""
    done: float = 1.0
    progress: str = ""


def detail(
    model: InstrumentedModel, picture: Any, target: Target, judged: Map, explain: Explain, truth: Any = None
) -> Iterator[Detail]:
    """Curves, then stability; pointing where a mask or box of the object is given as ``truth``."""
    note = empty(judged)
    if note:
        yield Detail(note=f"There is nothing to show: {note}.")
        return
    known: dict[str, Any] = {"residual": judged.facts.get("residual")}
    if truth is not None:
        known["pointing"] = pointing(judged, truth)
    heat = judged.heat().double().cpu()
    maps = {"map": heat, **controls(model.input(picture), judged.evidence)}
    known["curves"] = yield from _partial(curves(model, picture, target, maps), known, 0.3, "deleting and inserting")
    moved = stability(model, picture, target, judged, explain)
    known["stability"] = yield from _partial(moved, known, 0.7, "moving the picture by two grey levels")
    yield Detail(**known)


def _partial(steps: Steps[Any], known: dict[str, Any], done: float, words: str) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        yield Detail(**known, done=done, progress=words)
