"""Methods side by side over many pictures: every measure, the controls among the methods, one tidy table."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from nbviz.attribution import METHODS, attribute, explain
from nbviz.errors import NbvizError, Refused, unknown
from nbviz.evaluation import converged, hiding, hidings, settle, these_weights, this_class
from nbviz.evaluation.base import Explain, Map, Verdict
from nbviz.evaluation.control_maps import control
from nbviz.evaluation.controls import NAMES as CONTROLS
from nbviz.evaluation.measures.curves import curves
from nbviz.evaluation.measures.hiding import Hidings
from nbviz.evaluation.measures.pointing import pointing
from nbviz.evaluation.measures.stability import stability
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import resolved
from nbviz.pictures.load import Picture, load_pictures

MEASURES = ("converged", "this class", "these weights", "hiding", "curves", "stability", "pointing")
FACTS = ("map_error", "reliability", "residual", "seconds", "calls")
Row = tuple[str, float, float, float]
"""Measure, value, low, high."""


def compare(
    model: Any,
    images: Any,
    methods: Sequence[str] | Mapping[str, tuple[str, Mapping[str, Any]]],
    *,
    target: Any = "predicted",
    layer: str | None = None,
    measures: Iterable[str] = MEASURES,
    truth: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Any:
    """A tidy pandas table over pictures × methods × measures: picture, target, method, measure, value, low, high.

    methods: names, or label → (name, options). The controls random, edges and centre are methods in it too, named
    or not; random is the mean over fields as smooth as each method's map. measures: which of :data:`MEASURES`. truth:
    picture's name → mask (H, W) or box (top, left, bottom, right) of the object in the network's input, for *pointing*.
    low and high are a 95 % interval where one picture has one, else NaN; ``nbviz.evaluation.summary`` gives means
    over pictures with theirs. A verdict's value is 1 passed, 0 not passed, NaN can't tell. A method that refuses the
    network is left out, with a warning that says why.
    """
    import pandas

    asked = _asked(measures)
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
    """One picture, all methods and controls."""

    def __init__(
        self, model: InstrumentedModel, picture: Picture, target: Target, measures: frozenset[str], truth: Any
    ) -> None:
        self.model, self.picture, self.measures, self.truth = model, picture, measures, truth
        self.target = resolved(model, picture, target)
        self.hidden: Hidings | None = None
        if "hiding" in measures:
            self.hidden = list(hidings(model, picture, self.target))[-1]

    def rows(
        self, methods: Mapping[str, tuple[str, Mapping[str, Any]]], layer: str | None
    ) -> Iterator[tuple[str, Row]]:
        """(method, row) of everything that was asked for."""
        drawn: dict[str, Map] = {}
        for label, (name, options) in methods.items():
            try:
                found = attribute(self.model, self.picture, self.target, name, layer, **options)
            except Refused as refused:
                warnings.warn(f"{label} is left out: {refused}", stacklevel=4)
                continue
            drawn[label] = found
            for row in self.method_rows(found, _explainer(name, layer, options)):
                yield label, row
        x = self.model.input(self.picture)
        known: dict[str, list[Map]] = {name: [control(name, x)] for name in CONTROLS if name != "random"}
        known["random"] = [control("random", x, found.evidence, seed) for seed, found in enumerate(drawn.values())]
        for name, maps in known.items():
            for row in _means([list(self.map_rows(one)) for one in maps]):
                yield name, row
        if "curves" in self.measures:
            yield from self.curve_rows(drawn, known)

    def method_rows(self, found: Map, again: Explain) -> Iterator[Row]:
        """What only a method can be asked: it must be run again."""
        for fact in FACTS:
            if isinstance(found.facts.get(fact), (int, float)):
                yield _row(fact.replace("_", " "), float(found.facts[fact]))
        asked = (self.model, self.picture, self.target, found, again)
        if "converged" in self.measures:
            yield _passed(converged(found))
        for name, test in (("this class", this_class), ("these weights", these_weights)):
            if name in self.measures:
                verdict = settle(test(*asked))
                yield _passed(verdict)
                yield _row(f"similarity, {name}", verdict.figures.get("similarity", math.nan))
        if "stability" in self.measures:
            moved = settle(stability(*asked))
            yield _row("stability", math.nan if moved is None else moved)
        yield from self.map_rows(found)

    def map_rows(self, found: Map) -> Iterator[Row]:
        """What any map can be asked."""
        if self.hidden is not None:
            verdict = hiding(self.hidden, found)
            yield _passed(verdict)
            figures = {key: verdict.figures.get(key, math.nan) for key in ("r", "low", "high", "p")}
            yield "hiding r", figures["r"], figures["low"], figures["high"]
            yield _row("hiding p", figures["p"])
        if "pointing" in self.measures and self.truth is not None:
            pointed = pointing(found, self.truth)
            yield _row("pointing", math.nan if pointed is None else pointed.hit)
            yield _row("inside", math.nan if pointed is None else pointed.inside)
            yield _row("iou", math.nan if pointed is None else pointed.iou)

    def curve_rows(self, drawn: dict[str, Map], known: dict[str, list[Map]]) -> Iterator[tuple[str, Row]]:
        """Areas under deletion and insertion, all maps' from one set of forwards."""
        maps = {(label, 0): found for label, found in drawn.items()}
        maps |= {(name, i): found for name, found_ in known.items() for i, found in enumerate(found_)}
        keys = {f"{name} {i}": (name, i) for name, i in maps}
        found = settle(curves(self.model, self.picture, self.target, {k: maps[v].heat() for k, v in keys.items()}))
        for name in [*drawn, *known]:
            mine = [found[key] for key, (of, _) in keys.items() if of == name]
            rows = [[_row("deletion", c.deletion.area), _row("insertion", c.insertion.area)] for c in mine]
            for row in _means(rows):
                yield name, row


def _explainer(name: str, layer: str | None, options: Mapping[str, Any]) -> Explain:
    return lambda model, picture, target: explain(model, picture, target, name, layer, **options)


def _row(measure: str, value: float) -> Row:
    return measure, value, math.nan, math.nan


def _passed(verdict: Verdict) -> Row:
    return _row(verdict.name, {"passed": 1.0, "not passed": 0.0}.get(verdict.state, math.nan))


def _means(rows: list[list[Row]]) -> Iterator[Row]:
    """Rows of several maps as one, each the mean of those that are numbers."""
    for same in zip(*rows, strict=True):
        columns = torch.tensor([row[1:] for row in same], dtype=torch.float64, device="cpu")
        yield (same[0][0], *columns.nanmean(0).tolist())


def _chosen(methods: Any) -> dict[str, tuple[str, Mapping[str, Any]]]:
    if isinstance(methods, str):
        methods = [methods]
    if not isinstance(methods, Mapping):  # the controls may be asked for by name: every table has them
        methods = {name: (name, {}) for name in methods if name not in CONTROLS}
    chosen = dict(methods)
    chosen = {label: (given, {}) if isinstance(given, str) else given for label, given in chosen.items()}
    for label, (name, _) in chosen.items():
        if name not in METHODS:
            raise unknown("Method", name, [*METHODS, *CONTROLS], "nbviz")
        if label in CONTROLS:
            raise NbvizError(f"'{label}' is a control's name, and every table has the controls; call yours otherwise.")
    return chosen


def _asked(measures: Iterable[str]) -> frozenset[str]:
    asked = frozenset([measures] if isinstance(measures, str) else measures)
    for name in asked:
        if name not in MEASURES:
            raise unknown("Measure", name, MEASURES, "nbviz.compare")
    return asked


def _progress(pictures: list[Picture], wanted: bool) -> Iterable[Picture]:
    if not wanted:
        return pictures
    from tqdm.auto import tqdm

    return partial(tqdm, unit="picture", desc="comparing")(pictures)
