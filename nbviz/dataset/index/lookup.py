"""Look-up of an index's rows by layer and channel, without pictures: ranks, quantiles, classes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from nbviz.arguments import channel_number, one_of
from nbviz.dataset.index.partial import PartialIndex
from nbviz.dataset.index.plan import Plan, Watched
from nbviz.dataset.index.ranking import FIELDS
from nbviz.errors import NbvizError
from nbviz.pictures.labels import name_or_number


@dataclass(frozen=True)
class RankingRow:
    """Picture of a channel's ranking."""

    value: float
    """The channel's activation."""
    item: int
    place: int
    """Counted by rows of the layer's places."""
    label: int = -1
    """The picture's class in the data set; −1 where it has none."""


class Lookup:
    """Rankings of a finished index."""

    def __init__(self, plan: Plan, rankings: PartialIndex, classes: Sequence[str] | None) -> None:
        self.plan, self._tensors = plan, rankings.tensors
        self.classes = None if classes is None else tuple(classes)
        """Names of the labels, where known."""
        self._layers = {layer.name: layer for layer in plan.layers}

    @property
    def layers(self) -> list[str]:
        """Names of its layers."""
        return [*self._layers, *self.plan.same]

    def watched(self, layer: str, channel: int) -> tuple[Watched, int]:
        """Return the layer that was ranked for this one, and the channel's number; NbvizError where one is missing."""
        layer = one_of("layer", layer, self.layers, "this index")
        name = self.plan.same.get(layer, layer)
        return self._layers[name], channel_number(layer, channel, self._layers[name].channels)

    def rows(self, layer: str, channel: int, which: str) -> list[RankingRow]:
        """Return a channel's ranking, best first; which: "top" or "bottom"."""
        watched, channel = self.watched(layer, channel)
        stem, sign = f"{watched.name}/{which}/", 1 if which == "top" else -1
        values, items, places, labels = (self._tensors[stem + part][channel].tolist() for part in FIELDS)
        places += [0] * (len(values) - len(places))  # deeper than k only the class counts
        ranked = zip(values, items, places, labels, strict=True)
        return [RankingRow(sign * value, item, place, label) for value, item, place, label in ranked if item >= 0]

    def quantiles(self, layer: str, channel: int, n: int) -> list[RankingRow]:
        """Return rows of the sample from the strongest to the weakest, at even steps of their rank."""
        watched, channel = self.watched(layer, channel)
        stem = f"{watched.name}/sample/"
        values, places = (self._tensors[stem + part][channel] for part in ("values", "places"))
        order = values.argsort(descending=True, stable=True)
        # items that could not be read hold −∞
        order = order[values[order] > -torch.inf]
        # unique: of few items even steps would fall on one twice
        steps = np.unique(np.linspace(0, len(order) - 1, min(n, len(order))).round().astype(int)).tolist()
        chosen = [int(order[step]) for step in steps]
        return [RankingRow(float(values[i]), self.plan.sample[i], int(places[i])) for i in chosen]

    def profile(self, layer: str, channel: int) -> list[tuple[str, float]]:
        """Return the classes of a channel's strongest pictures: [(class, share), …], greatest first."""
        counts = self._label_counts(layer, channel)
        total = sum(counts.values())
        return [(self.name(label) or "no class", count / total) for label, count in counts.most_common()]

    def selectivity(self, layer: str, channel: int) -> float | None:
        """Return 1 − entropy of the profile / log(number of classes); None where nothing drives the channel."""
        counts = self._label_counts(layer, channel)
        total = sum(counts.values())
        if not total:
            return None
        # at least two: the logarithm of one class would divide by zero
        classes = max(2, len(self.classes) if self.classes else len(counts))
        entropy = -sum(c / total * math.log(c / total) for c in counts.values())
        return max(0.0, 1 - entropy / math.log(classes))

    def name(self, label: int) -> str | None:
        """Return the name of a label; None for −1."""
        return None if label < 0 else name_or_number(self.classes, label)

    def _label_counts(self, layer: str, channel: int) -> Counter[int]:
        rows = self.rows(layer, channel, "top")
        if rows and all(row.label < 0 for row in rows):
            raise NbvizError("The data set has no labels: pass labels= to Index.build for class profiles.")
        return Counter(row.label for row in rows if row.value > 0 and row.label >= 0)
