"""Building of an atlas in steps: pictures through the network, axes, a flat layout, cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import torch

from nbviz.dataset.atlas.layout import Axes, chosen_layout, flattening, gridded, side_of
from nbviz.dataset.atlas.plan import FEWEST, AtlasPlan
from nbviz.dataset.atlas.sample import Points, Sampler
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items

WALKING = 0.5
"""Share of a build's time that goes to the pictures, roughly: progress is drawn by it."""

UNHEARD = (
    "No place of this layer reaches the score, so cells speak for no class (behind the last attention of a vision "
    "transformer only the class token does)."
)


@dataclass(frozen=True, eq=False)
class Charted:
    """Finished map as plain tensors and sentences: an atlas's contents in memory and on disk."""

    plan: AtlasPlan
    tensors: Mapping[str, torch.Tensor]
    side: int
    """Squares a side."""
    layout: str
    """The one that was used."""
    notes: tuple[str, ...] = ()
    """Sentences about pictures and places that were left out."""


@dataclass(frozen=True, eq=False)
class BuildStep:
    """Progress of a build."""

    done: float
    progress: str
    seen: int = 0
    """Pictures that are done."""
    chart: Charted | None = field(default=None, repr=False)


def charting(model: InstrumentedModel, items: Items, plan: AtlasPlan) -> Iterator[BuildStep]:
    """Run the steps of a build, each short enough for a newer request to be heard; the last has the map."""
    sampler = Sampler(model, items, plan)
    total, done = len(plan.numbers), 0
    for done in model.guest.steadily(sampler.walk):
        yield BuildStep(WALKING * done / total, f"{done:,} of {total:,} pictures", done)
    points = _enough(sampler, done)
    layout = chosen_layout(plan.layout, len(points))
    words = f"laying out {len(points):,} places with {_NAMES[layout]}"
    values = points.values.numpy()
    axes = Axes.of(values, plan.seed)
    reduced, flat = axes(values), None
    with closing(flattening(reduced, layout, plan.seed)) as steps:  # a process ends with it
        for flat in steps:
            yield BuildStep(WALKING, words, done)
    assert flat is not None
    notes = (*_notes(sampler), *([] if points.gains.any() else [UNHEARD]))
    yield BuildStep(1.0, "", done, _charted(plan, points, axes, reduced, flat, layout, notes))


_NAMES = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def _enough(sampler: Sampler, seen: int) -> Points:
    if not seen:
        first = next(iter(sampler.problems.reasons.values()), "")
        raise NbvizError(f"None of the {sampler.plan.items} pictures can be read. The first: {first}")
    points = sampler.points
    if len(points) < FEWEST:
        raise NbvizError(f"An atlas needs {FEWEST} places or more; {len(points)} are left. {' '.join(_notes(sampler))}")
    return points


def _notes(sampler: Sampler) -> tuple[str, ...]:
    notes = []
    if sampler.problems.count:
        number, sentence = next(iter(sampler.problems.reasons.items()))
        notes.append(f"{sampler.problems.count} pictures could not be used: item {number} ({sentence.rstrip('.')}), …")
    if sampler.silent:
        notes.append(f"At {sampler.silent:,} places every channel was zero; they are not on the map.")
    if sampler.broken:
        notes.append(f"At {sampler.broken:,} places values were not finite; they are not on the map.")
    return tuple(notes)


def _charted(
    plan: AtlasPlan, points: Points, axes: Axes, reduced: np.ndarray, flat: np.ndarray, layout: str,
    notes: tuple[str, ...],
) -> Charted:  # fmt: skip
    side = side_of(len(points))
    squares = gridded(flat, side)
    occupied, counts = np.unique(squares, return_counts=True)
    cells = occupied[counts >= plan.least]
    if not len(cells):
        raise NbvizError(f"No cell of the map has {plan.least} places: ask for fewer a cell (least=) or draw more.")
    # squares with too few places are on the map and in no cell
    number = np.full(side * side, -1)
    number[cells] = np.arange(len(cells))
    values = points.values.numpy()
    directions = np.stack([values[squares == square].mean(0) for square in cells])
    arrays = {
        "flat": flat, "cells": number[squares], "reduced": reduced, "centre": axes.centre, "basis": axes.basis,
        "squares": cells, "directions": directions,
    }  # fmt: skip
    tensors = {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
    tensors |= {name: getattr(points, name) for name in ("items", "places", "labels", "predicted", "gains")}
    # how far each point goes along its cell's direction, from −1 to 1: what is typical of a cell
    unit = torch.nn.functional.normalize(tensors["directions"][tensors["cells"].clamp(min=0)], dim=1)
    tensors["typical"] = (torch.nn.functional.normalize(points.values, dim=1) * unit).sum(1)
    return Charted(plan, tensors, side, layout, notes)
