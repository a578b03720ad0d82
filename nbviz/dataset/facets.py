"""Facets of a channel: its strongest pictures in groups, where it answers to more than one thing.

Two pictures are alike where *the other channels* of the layer say alike things at the two places: distance of their
activations, each channel in units of its greatest here. Grouped by Ward's linkage; how many groups is what the mean
silhouette (Rousseeuw 1987) says. It is one group where no number of them reaches a silhouette that has some meaning,
and that 19 clouds without groups, normal with the same covariance, don't reach (SigClust's idea, Liu et al. 2008).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nbviz.arguments import at_least
from nbviz.dataset.index.plan import Watched
from nbviz.errors import NbvizError
from nbviz.model.batches import batch_size
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.receptive_field import output_of
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Pass
from nbviz.replica.scikit_import import scikit

if TYPE_CHECKING:
    from nbviz.dataset.example import Example

APART = 0.25
"""Mean silhouette under which there is "no substantial structure" (Kaufman and Rousseeuw 1990)."""
MOST, BATCH, CLOUDS = 6, 8, 19
FEW = 6


@dataclass(frozen=True, eq=False)
class Facets:
    """Groups of examples; iterates over them."""

    groups: tuple[tuple[Example, ...], ...]
    """The group with the strongest example first; in each the strongest first."""
    silhouette: float | None
    """Of the best grouping that was tried, -1…1; None where there were too few pictures to try."""

    def __iter__(self) -> Iterator[tuple[Example, ...]]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, group: int) -> tuple[Example, ...]:
        return self.groups[group]

    @property
    def words(self) -> str:
        """Result in a sentence."""
        pictures = sum(map(len, self.groups))
        if len(self.groups) > 1:
            return f"{len(self.groups)} facets of {pictures} pictures (silhouette {self.silhouette:.2f})."
        if self.silhouette is None:
            return f"One facet: {pictures} pictures are too few to part."
        return f"One facet: no grouping of {pictures} pictures parts them (silhouette {self.silhouette:.2f} at best)."


def facets(
    model: InstrumentedModel, items: Items, layer: Watched, channel: int, examples: Sequence[Example], n: int | None
) -> Facets:
    """Group a channel's examples. NbvizError for an ``n`` that can't be had."""
    n = None if n is None else at_least("n", n, 1)
    if n is not None and n > len(examples):
        raise NbvizError(f"n= asks for {n} groups of {len(examples)} pictures: there is at most one per picture.")
    numbers, silhouette = grouped(vectors(model, items, layer, channel, examples), n)
    groups = [tuple(e for e, own in zip(examples, numbers, strict=True) if own == g) for g in dict.fromkeys(numbers)]
    return Facets(tuple(groups), silhouette)


def vectors(
    model: InstrumentedModel, items: Items, layer: Watched, channel: int, examples: Sequence[Example]
) -> np.ndarray:
    """Return activations of the layer's other channels at the examples' places: (examples, channels), float32."""
    known = model.layer(layer.name)
    size = batch_size(model, items.shape(model.transform), BATCH)

    def work(run: Pass) -> list[torch.Tensor]:
        values = []
        for part in (examples[start : start + size] for start in range(0, len(examples), size)):
            x = torch.cat([model.transform(items.read(e.item)) for e in part]).to(run.device, model.guest.dtype)
            with torch.no_grad():
                maps = layer.layout.maps(output_of(run, x, known))
            places = [e.place or (0, 0) for e in part]
            values += [maps[row, :, at[0], at[1]].float().cpu() for row, at in enumerate(places)]
        return values

    rows = torch.stack(model.guest.steady(work)).numpy() if examples else np.zeros((0, layer.channels), np.float32)
    # the channel itself is strong in all of them: it would only say that they are alike
    return np.delete(rows, channel, axis=1)


def grouped(points: np.ndarray, n: int | None) -> tuple[list[int], float | None]:
    """Group the rows: a number each, and the silhouette of the best grouping. With n=None no group has one row."""
    count, scaled = len(points), _centred(points)
    if n == 1 or not scaled.any() or (n is None and count < FEW):
        return [row * (n or 1) // count for row in range(count)], None
    if n is not None:
        groups, score = _parted(scaled, n)
        return groups.tolist(), score
    best, groups = _best(scaled)
    sure = best > APART and all(best > _best(cloud)[0] for cloud in _clouds(_centred(points)))
    return (groups.tolist() if sure else [0] * count), best


def _clouds(centred: np.ndarray) -> Iterator[np.ndarray]:
    """Draw normal points with the covariance of these."""
    random, count = np.random.default_rng(0), len(centred)
    for _ in range(CLOUDS):
        # random mixtures of the points themselves: the covariance without computing it, which has more entries than
        # points
        drawn = random.normal(size=(count, count)) @ centred / np.sqrt(count)
        yield drawn - drawn.mean(0)


def _centred(points: np.ndarray) -> np.ndarray:
    """Scale each channel by its greatest over the points, and take the mean out."""
    size = np.abs(points).max(0, initial=0)
    if not size.any():
        return np.zeros((len(points), 1))
    used = points[:, size > 0] / size[size > 0]
    return used - used.mean(0)


def _best(points: np.ndarray) -> tuple[float, Any]:
    """Return silhouette and groups of the best number of groups, each of two points at least."""
    best: tuple[float, Any] = (-1.0, np.zeros(len(points), int))
    for number in range(2, min(MOST, len(points) // 2) + 1):
        groups, score = _parted(points, number)
        # a group of one is an outlier, and its silhouette is 0 by definition
        if np.bincount(groups).min() > 1 and score > best[0]:
            best = score, groups
    return best


def _parted(points: np.ndarray, number: int) -> tuple[Any, float]:
    groups = scikit("cluster").AgglomerativeClustering(number, linkage="ward").fit_predict(points)
    return groups, float(scikit("metrics").silhouette_score(points, groups)) if number < len(points) else 0.0
