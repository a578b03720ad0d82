"""Comparison of methods over many pictures: every measure, the controls among the methods, one tidy table."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from nbviz.arguments import named
from nbviz.attribution import METHODS, attribute, explain
from nbviz.errors import NbvizError, Refused, unknown
from nbviz.evaluation import MEASURES, Case, Measured, settle
from nbviz.evaluation.base import Explain, Map, Verdict
from nbviz.evaluation.control_maps import control
from nbviz.evaluation.controls import NAMES as CONTROLS
from nbviz.evaluation.registry import Figure, Measure, common
from nbviz.model.boxes import Box
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.region import MaskLike
from nbviz.model.target import Target, TargetLike
from nbviz.passes.subject import resolved
from nbviz.pictures.load import Picture, load_pictures
from nbviz.pictures.sources import DatasetLike

if TYPE_CHECKING:
    import pandas

FACTS = ("map_error", "reliability", "residual", "seconds", "calls")
"""Facts that a method states of its map, which the table has where they are numbers."""
Methods: TypeAlias = str | Iterable[str] | Mapping[str, str | tuple[str, Mapping[str, Any]]]
"""Names of methods, or label → name, or label → (name, options)."""
Row = tuple[str, float, float, float]
"""Measure, value, low, high."""


def compare(
    model: ModelLike,
    images: DatasetLike,
    methods: Methods,
    *,
    target: TargetLike = "predicted",
    layer: str | None = None,
    measures: Iterable[str] | None = None,
    truth: Mapping[str, MaskLike | Box] | None = None,
    progress: bool = True,
) -> pandas.DataFrame:
    """Return a tidy table over pictures × methods × measures: picture, target, method, measure, value, low, high.

    methods: names, or label → (name, options). The controls random, edges and centre are methods in it too, named
    or not; random is the mean over fields as smooth as each method's map. measures: names in
    ``nbviz.evaluation.MEASURES``; left out, those that are asked by default. truth: picture's name → mask (H, W) or box
    (top, left, bottom, right) of the object in the network's input, for *pointing*.
    low and high are a 95 % interval where one picture has one, else NaN; ``nbviz.evaluation.summary`` gives means
    over pictures with theirs. A verdict's value is 1 passed, 0 not passed, NaN can't tell. A method that refuses the
    network is left out, with a warning that says why.
    """
    import pandas

    if truth is not None and not isinstance(truth, Mapping):
        raise NbvizError(f"truth= maps pictures' names to masks or boxes, such as {{'cat': mask}}, not {truth!r:.80}.")
    asked = _chosen_measures(measures)
    chosen = _chosen(methods)
    instrumented = InstrumentedModel.ensure(model)
    rows = []
    for picture in _progress(list(load_pictures(images).values()), progress):
        work = _Work(instrumented, picture, Target.ensure(target, instrumented), asked, (truth or {}).get(picture.name))
        for method, row in work.rows(chosen, layer):
            rows.append((picture.name, work.target.words(instrumented), method, *row))
    names = ["picture", "target", "method", "measure", "value", "low", "high"]
    return pandas.DataFrame(rows, columns=names)


class _Work:
    """Evaluation of one picture by all methods and controls."""

    def __init__(
        self,
        model: InstrumentedModel,
        picture: Picture,
        target: Target,
        measures: Sequence[Measure],
        truth: MaskLike | Box | None,
    ) -> None:
        self.model, self.picture, self.measures, self.truth = model, picture, measures, truth
        # once per picture: with parts of it hidden "predicted" could be another class
        self.target = resolved(model, picture, target)
        # 192 forwards of hiding serve every map of the picture
        self.common = {one.name: common(one, model, picture, self.target) for one in measures}

    def rows(
        self, methods: Mapping[str, tuple[str, Mapping[str, Any]]], layer: str | None
    ) -> Iterator[tuple[str, Row]]:
        """Return (method, row) of everything that was asked for."""
        drawn: dict[str, Map] = {}
        for label, (name, options) in methods.items():
            try:
                attribution = attribute(self.model, self.picture, self.target, name, layer, **options)
            except Refused as refused:
                warnings.warn(f"{label} is left out: {refused}", stacklevel=3)
                continue
            drawn[label] = attribution
            for row in [*_facts(attribution), *self.map_rows(attribution, _explainer(name, layer, options))]:
                yield label, row
        for name, maps in self._controls(drawn).items():
            for row in _means([list(self.map_rows(one)) for one in maps]):
                yield name, row

    def _controls(self, drawn: Mapping[str, Map]) -> dict[str, list[Map]]:
        """Return the maps of every control; a random one as smooth as each method's."""
        x = self.model.input(self.picture)
        known: dict[str, list[Map]] = {name: [control(name, x)] for name in CONTROLS if name != "random"}
        known["random"] = [
            # as smooth as the map it stands beside: a rougher one would be a straw man
            control("random", x, attribution.evidence, seed)
            for seed, attribution in enumerate(drawn.values())
        ]
        return known

    def map_rows(self, found: Map, explain: Explain | None = None) -> Iterator[Row]:
        """Yield every measure's result for a map; a control can't be explained again."""
        for one in self.measures:
            known = self.common[one.name]
            case = Case(self.model, self.picture, self.target, found, explain, self.truth, known)
            if one.applies(case):
                yield from _measured(settle(one.of(case)))


def _facts(found: Map) -> Iterator[Row]:
    for fact in FACTS:
        if isinstance(found.facts.get(fact), (int, float)):
            yield _row(fact.replace("_", " "), float(found.facts[fact]))


def _measured(found: Measured) -> Iterator[Row]:
    if found.verdict is not None:
        yield _passed(found.verdict)
    for name, figure in found.figures.items():
        yield _row(name, figure)


def _explainer(name: str, layer: str | None, options: Mapping[str, Any]) -> Explain:
    return lambda model, picture, target: explain(model, picture, target, name, layer, **options)


def _row(measure: str, figure: Figure) -> Row:
    value, low, high = figure if isinstance(figure, tuple) else (figure, math.nan, math.nan)
    return measure, value, low, high


def _passed(verdict: Verdict) -> Row:
    return _row(verdict.name, {"passed": 1.0, "not passed": 0.0}.get(verdict.state, math.nan))


def _means(rows: list[list[Row]]) -> Iterator[Row]:
    """Average rows of several maps to one, each the mean of those that are numbers."""
    for same in zip(*rows, strict=True):
        columns = torch.tensor([row[1:] for row in same], dtype=torch.float64, device="cpu")
        yield (same[0][0], *columns.nanmean(0).tolist())


def _chosen(methods: Methods) -> dict[str, tuple[str, Mapping[str, Any]]]:
    if not isinstance(methods, Mapping):  # the controls may be asked for by name: every table has them
        methods = {name: (name, {}) for name in named("methods", methods) if name not in CONTROLS}
    chosen = {label: (given, {}) if isinstance(given, str) else given for label, given in methods.items()}
    for label, given in chosen.items():
        if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], Mapping)):
            raise NbvizError(f"methods= has for '{label}' a name, or (name, options), not {given!r:.80}.")
    for label, (name, _) in chosen.items():
        if name not in METHODS:
            raise unknown("Method", name, [*METHODS, *CONTROLS], "nbviz")
        if label in CONTROLS:
            raise NbvizError(f"'{label}' is a control's name, and every table has the controls; call yours otherwise.")
    return chosen


def _chosen_measures(measures: Iterable[str] | None) -> list[Measure]:
    if measures is None:
        return [one for one in MEASURES.values() if one.default]
    names = named("measures", measures)
    for name in names:
        if name not in MEASURES:
            raise unknown("Measure", name, MEASURES, "nbviz.compare")
    return [MEASURES[name] for name in dict.fromkeys(names)]


def _progress(pictures: list[Picture], wanted: bool) -> Iterable[Picture]:
    if not wanted:
        return pictures
    from tqdm.auto import tqdm

    return tqdm(pictures, unit="picture", desc="comparing")
