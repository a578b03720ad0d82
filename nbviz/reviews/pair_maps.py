"""Maps of a confused pair of classes: where the evidence for the answer lies, less where that for the label lies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nbviz.arguments import seed_number
from nbviz.drawing.photos import Pixels
from nbviz.errors import NbvizError, Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.cues.candidates import CELLS, FEWEST, gradient_maps, pooled_shares
from nbviz.reviews.cues.places import read_inputs
from nbviz.reviews.records.records import Records

SWAPS, SPLITS, LEVEL = 999, 50, 0.05
"""Random exchanges of answer and label; random splits into halves; p from which a difference is none."""
STEP = 16
"""Pictures whose maps are computed between two reports of progress."""


@dataclass(frozen=True, eq=False)
class PairMaps:
    """Mean difference of two maps over the pictures of a confused pair, beside what chance makes of it."""

    label: int
    prediction: int
    items: NDArray[np.int64]
    """Of the pictures, by number."""
    difference: NDArray[np.float64]
    """(14, 14): the cell's mean share of the map of the answer, less its mean share of the map of the label."""
    chance: float
    """The largest absolute difference of any cell that 95 of 100 random exchanges of both maps stay within."""
    p: float
    """Share of the exchanges whose largest cell is as large as this one's."""
    reliability: float
    """Mean correlation of the differences of two random halves of the pictures; about 0 where there is nothing."""

    @property
    def beyond_chance(self) -> bool:
        """True if the largest difference of a cell is larger than chance makes it."""
        return self.p < LEVEL

    @property
    def shown(self) -> NDArray[np.float64]:
        """:attr:`difference` with the cells that chance explains at 0."""
        return np.where(np.abs(self.difference) > self.chance, self.difference, 0.0)


def comparing(
    model: InstrumentedModel, items: Items, records: Records, pair: tuple[int, int], sample: int, seed: int = 0
) -> Iterator[tuple[int, int] | PairMaps]:
    """Compare the maps of answer and label over pictures labelled as one class and taken for another.

    Yields (pictures so far, of how many) after every few, and last the comparison. Maps: absolute integrated gradients
    as shares of 14 × 14 cells. pair: (label, prediction). sample: pictures, at most, drawn by ``seed``. Raises Refused
    below ten such pictures, and for a network with one score for both classes.
    """
    label, prediction = pair
    rng = np.random.default_rng(seed_number(seed))
    rows = np.sort(rng.permutation(confused_rows(records, pair))[:sample])
    yield 0, len(rows)
    parts = []
    for start in range(0, len(rows), STEP):
        inputs = read_inputs(model, items, records, rows[start : start + STEP])
        answer, truth = (pooled_shares(gradient_maps(model, inputs, index)) for index in (prediction, label))
        parts.append(answer.astype(float) - truth.astype(float))
        yield min(start + STEP, len(rows)), len(rows)
    differences = np.concatenate(parts)
    mean = differences.mean(0)
    # the largest of 196 cells against the largest of 196: each cell by itself would find one in twenty
    swapped = largest_by_chance(differences, rng)
    # the pictures as they are count as one exchange: p is never 0
    p = (1 + int((swapped >= np.abs(mean).max()).sum())) / (1 + SWAPS)
    chance = float(np.quantile(swapped, 1 - LEVEL))
    found = records.column("items")[rows], mean.reshape(CELLS, CELLS), chance, p
    yield PairMaps(label, prediction, *found, _reliability(differences, rng))


def confused_rows(records: Records, pair: tuple[int, int]) -> NDArray[np.int64]:
    """Return the rows labelled as one class and taken for another; Refused where their maps can't be compared."""
    label, prediction = pair
    if records.plan.scores == 1:
        raise Refused("The network has one score for both classes, and so one map: there is no difference.")
    rows = np.flatnonzero(records.has_class(label) & records.says_class(prediction))
    if len(rows) < FEWEST:
        names = f"'{records.names[label]}' taken for '{records.names[prediction]}'"
        raise Refused(f"A mean map needs {FEWEST} pictures, and of {names} there are {len(rows)}.")
    return rows


def mean_picture(model: InstrumentedModel, items: Items, numbers: Sequence[int]) -> Pixels | None:
    """Return the mean gray picture (H, W) of items as the network sees them; None where none can be read any more."""
    seen = []
    for number in numbers:
        try:
            seen.append(model.seen(items.read(number)).mean(2))
        except NbvizError:  # it was readable during the review, and its row is in the tables
            continue
    return np.mean(seen, axis=0).round().astype(np.uint8) if seen else None


def largest_by_chance(differences: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the largest absolute mean of any cell, (exchanges,), of (pictures, cells) that are exchanged at random."""
    # which map is the answer's is the toss of a coin where the classes' maps are alike
    signs = rng.choice((-1.0, 1.0), (SWAPS, len(differences)))
    return np.asarray(np.abs(signs @ differences / len(differences)).max(1))


def _reliability(differences: NDArray[np.float64], rng: np.random.Generator) -> float:
    """Mean correlation of halves of (pictures, cells); NaN where a half is the same in all cells."""
    found = []
    for _ in range(SPLITS):
        one, other = (half.mean(0) for half in np.array_split(rng.permutation(differences), 2))
        if one.std() > 0 and other.std() > 0:
            found.append(np.corrcoef(one, other)[0, 1])
    return float(np.mean(found)) if found else float("nan")
