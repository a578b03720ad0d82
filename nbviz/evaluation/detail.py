"""Details below the verdicts: curves beside controls, and figures without a verdict."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

from nbviz.evaluation.base import Explain, Map, Steps, T, accompany
from nbviz.evaluation.maps import empty
from nbviz.evaluation.measures.curves import Curves, controls, curves
from nbviz.evaluation.registry import MEASURES, Case, Figure, common
from nbviz.model.boxes import Box
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.region import MaskLike
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

DRAWN = "curves"
"""The measure that is drawn, every control beside it."""


@dataclass(frozen=True, eq=False)
class Detail:
    """Figures of one map; None where one is still being computed, or does not apply."""

    curves: dict[str, Curves] = field(default_factory=dict)
    """``"map"`` and the controls: ``"random 1"`` …, ``"edges"``, ``"centre"``."""
    figures: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Name → value and what it tells, of every measure that gives no verdict."""
    residual: float | None = None
    note: str = ""
    done: float = 1.0
    progress: str = ""

    @property
    def stability(self) -> float | None:
        """Rank correlation of the map with itself when the picture moves by two grey levels."""
        return self._figure("stability")

    @property
    def pointing(self) -> float | None:
        """Result of the pointing game; None where the object is unknown."""
        return self._figure("pointing")

    def _figure(self, name: str) -> float | None:
        value = self.figures.get(name, (math.nan, ""))[0]
        return None if math.isnan(value) else value


def detail(
    model: InstrumentedModel,
    picture: PictureLike,
    target: Target,
    judged: Map,
    explain: Explain,
    truth: MaskLike | Box | None = None,
) -> Iterator[Detail]:
    """Compute curves beside controls, then every measure without a verdict; ``truth``: a mask or box of the object."""
    note = empty(judged)
    if note:
        yield Detail(note=f"There is nothing to show: {note}.")
        return
    known = Detail(residual=judged.facts.get("residual"))
    maps = {"map": judged.heat().double().cpu(), **controls(model.input(picture), judged.evidence)}
    drawing = curves(model, picture, target, maps)
    known = replace(known, curves=(yield from _partial(drawing, known, 0.3, "deleting and inserting")))
    case = Case(model, picture, target, judged, explain, truth)
    # read when asked: a notebook's cell may have registered another since
    left = [one for one in MEASURES.values() if one.default and not one.verdict and one.name != DRAWN]
    for number, one in enumerate(left):
        if one.applies(case):
            case = replace(case, common=common(one, model, picture, target))
            result = yield from _partial(one.of(case), known, 0.4 + 0.5 * number / len(left), one.progress)
            figures = {name: (_value(figure), one.sentence) for name, figure in result.figures.items()}
            known = replace(known, figures={**known.figures, **figures})
    yield known


def _value(figure: Figure) -> float:
    return figure[0] if isinstance(figure, tuple) else figure


def _partial(steps: Steps[T], known: Detail, done: float, progress: str) -> Generator[Detail, None, T]:
    return accompany(steps, replace(known, done=done, progress=progress))
