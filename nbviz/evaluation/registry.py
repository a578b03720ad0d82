"""Registry of measures, each of which judges a map: one per file of ``measures``, or one cell of a notebook.

A measure is a function of one :class:`Case`, registered with :func:`measure`. It returns a number, several by name, or
a :class:`Verdict`; one that runs the network is a generator that yields between passes and returns them. Registered, it
is in ``nbviz.compare``, and a verdict is a dot under the explanation: nothing else has to be changed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, SupportsFloat

from nbviz.errors import NbvizError
from nbviz.evaluation.base import Explain, Map, Steps, Verdict
from nbviz.model.boxes import Box
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.region import MaskLike
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

Figure = float | tuple[float, float, float]
"""A value, or a value with the ends of its 95 % interval."""
Common = Callable[[InstrumentedModel, PictureLike, Target], Iterator[object]]
"""(model, picture, target) → answers that get better; the last is what all maps of the picture have in common."""


@dataclass(frozen=True, eq=False)
class Case:
    """One map to be judged, and all that a measure may use."""

    model: InstrumentedModel
    picture: PictureLike
    target: Target
    """Settled: a class by its index, never "predicted"."""
    map: Map
    explain: Explain | None = None
    """Explains again, as the map was explained; None for a control."""
    truth: MaskLike | Box | None = None
    """Mask (H, W) or box of the object in the network's input, where it is known."""
    common: Any = None
    """The last answer of the measure's own ``common``."""


@dataclass(frozen=True)
class Measured:
    """Result of a measure for one map."""

    figures: Mapping[str, Figure]
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Measure:
    """Registered measure."""

    name: str
    run: Callable[[Case], Any]
    sentence: str
    """One sentence on what it tells."""
    verdict: bool = False
    """True if it returns a :class:`Verdict`, and so has a dot."""
    methods_only: bool = False
    """True if it explains again, or reads what a method states of itself: controls are left out."""
    needs_truth: bool = False
    common: Common | None = None
    progress: str = "judging the map"
    """Step under way, for the progress line."""
    cost: int = 0
    """Maps or forwards that it takes, roughly: the cheapest are asked first."""
    default: bool = True
    """True if ``nbviz.compare`` asks it unless told otherwise."""

    def applies(self, case: Case) -> bool:
        """Return whether a case has what the measure needs."""
        return (case.explain is not None or not self.methods_only) and (case.truth is not None or not self.needs_truth)

    def of(self, case: Case) -> Steps[Measured]:
        """Measure a map, yielding between passes."""
        result = self.run(case)
        if isinstance(result, Generator):
            result = yield from result
        measured = self._measured(result)
        if self.verdict and measured.verdict is None:
            raise NbvizError(f"Measure '{self.name}' is registered as a verdict and returned {result!r:.80}.")
        return measured

    def _measured(self, result: object) -> Measured:
        if isinstance(result, Measured):
            return result
        if isinstance(result, Verdict):
            return Measured({}, result)
        figures: Mapping[str, Any] = result if isinstance(result, Mapping) else {self.name: result}
        return Measured({name: _figure(self.name, value) for name, value in figures.items()})


def _figure(name: str, value: SupportsFloat | tuple[float, float, float] | None) -> Figure:
    if isinstance(value, tuple) and len(value) == 3:
        return float(value[0]), float(value[1]), float(value[2])
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError) as error:
        kinds = "a number, numbers by name or a Verdict"
        raise NbvizError(f"Measure '{name}' returns {kinds}, not {value!r:.80}.") from error


_measures: dict[str, Measure] = {}
MEASURES = MappingProxyType(_measures)
"""Name → measure, the cheapest first."""


def measure(
    name: str,
    **about: Any,  # noqa: ANN401 - fields of Measure, which checks them
) -> Callable[[Callable[[Case], Any]], Callable[[Case], Any]]:
    """Register a function of a :class:`Case` as a measure, under a name as people read it.

    about: fields of :class:`Measure`, such as ``verdict=True`` for one that returns a :class:`Verdict`. The function
    returns a number, None where there is none, a mapping of names to numbers, a :class:`Verdict` or :class:`Measured`.
    """

    def enter(run: Callable[[Case], Any]) -> Callable[[Case], Any]:
        sentence = inspect.getdoc(run) or ""
        if not sentence:
            raise NbvizError(f"Measure '{name}' needs a docstring: its first line is what a person reads.")
        _measures[name] = Measure(name, run, sentence.splitlines()[0], **about)
        ordered = sorted(_measures.values(), key=lambda one: one.cost)
        # in place: MEASURES is a view of this very dict
        _measures.clear()
        _measures.update({one.name: one for one in ordered})
        return run

    return enter


def verdicts() -> tuple[Measure, ...]:
    """Return the measures that give a verdict, in the order of their dots."""
    return tuple(one for one in MEASURES.values() if one.verdict)


def common(one: Measure, model: InstrumentedModel, picture: PictureLike, target: Target) -> object:
    """Compute the common part of a measure for all maps of a picture and target, once."""
    result: object = None
    for result in one.common(model, picture, target) if one.common is not None else ():
        pass
    return result
