"""Effects of channels over labelled pictures, class by class: one picture says little about a network.

A channel that is off hardly moves the accuracy over all classes and may ruin one: so each class is counted on its own
pictures, with an interval, beside what as many random channels of the layer do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nbviz.arguments import at_least, channel_number
from nbviz.edits.channels import Channels, Fill
from nbviz.errors import NbvizError
from nbviz.evaluation.summary import student
from nbviz.model.batches import batch_size
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.matching import matched
from nbviz.passes.feature_maps import channel_layer
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items, Labels
from nbviz.pictures.sources import DatasetLike

if TYPE_CHECKING:
    import pandas

PICTURES = 200
"""Pictures that are looked at, drawn at random."""
CONTROLS = 3
"""Draws of as many random channels."""
BATCH = 16
COLUMNS = ("class", "index", "pictures", "effect", "low", "high", "control", "others", "right", "right_without")


@dataclass(frozen=True, eq=False)
class ClassEffects:
    """Changes of scores on labelled pictures, with channels off and with random ones off. N pictures so far."""

    labels: np.ndarray
    """int (N,)."""
    scores: np.ndarray
    """float64 (N, classes): with all on."""
    off: np.ndarray
    """(N, classes): with the channels off."""
    control: np.ndarray
    """(N, classes): mean over draws of as many random other channels; NaN where the layer has no others."""
    done: float
    """0…1."""

    def rows(self) -> list[tuple[int, int, float, float, float, float, float, float, float]]:
        """Return per class, the largest effect first, what :func:`class_effects` says of it, the index first."""
        rows = [self._row(int(index)) for index in np.unique(self.labels)]
        return sorted(rows, key=lambda row: -abs(row[2]))

    def _row(self, index: int) -> tuple[int, int, float, float, float, float, float, float, float]:
        own = self.labels == index
        change = (self.off - self.scores)[:, index]
        effect, (low, high) = float(change[own].mean()), student(change[own])
        others = float(change[~own].mean()) if (~own).any() else np.nan
        control = float((self.control - self.scores)[own, index].mean())
        right = [float((scores[own].argmax(1) == index).mean()) for scores in (self.scores, self.off)]
        return index, int(own.sum()), effect, low, high, control, others, right[0], right[1]


def class_effects(
    model: ModelLike,
    dataset: DatasetLike,
    layer: str,
    channels: Sequence[int],
    *,
    labels: Labels | None = None,
    pictures: int = PICTURES,
    fill: Fill = "zero",
) -> pandas.DataFrame:
    """Measure what channels of a layer do to each class over labelled pictures.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`. dataset, labels: as for ``nbviz.review``. layer: a name
    of ``model.layers()``. channels: switched off together. pictures: how many are drawn, always the same ones. fill:
    what a channel that is off puts out, as in ``nbviz.edits.Channels``.

    Returns a table, one row per class that was met, the largest effect first: ``class``, ``index``, ``pictures`` (its
    own), ``effect`` (mean change of its score on them, score without − with) with its 95 % interval ``low`` … ``high``
    (Student's t; NaN for a single picture), ``control`` (the same for as many random channels), ``others`` (mean change
    of its score on the pictures of other classes), ``right`` and ``right_without`` (share of its own that are answered
    right). Raises NbvizError for a layer or channels that aren't there, and where no picture has a label.
    """
    import pandas

    model, items = InstrumentedModel.ensure(model), Items.ensure(dataset, labels)
    effects: ClassEffects | None = None
    for effects in over_pictures(model, items, layer, channels, pictures=at_least("pictures", pictures, 1), fill=fill):
        pass
    assert effects is not None
    rows = [(model.class_name(row[0]), *row) for row in effects.rows()]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def over_pictures(
    model: InstrumentedModel,
    items: Items,
    layer: str,
    channels: Sequence[int],
    *,
    pictures: int = PICTURES,
    fill: Fill = "zero",
) -> Iterator[ClassEffects]:
    """Yield effects over more and more labelled pictures, the last over all that were drawn."""
    # always the same pictures, so that two sets of channels are compared on one sample
    draw = np.random.default_rng(0)
    numbers = draw.permutation(len(items))[:pictures].tolist()
    # decided before it starts: a network that mixes its batch is asked for pictures one by one
    size = batch_size(model, tuple(model.input(_readable(items, numbers)).shape[1:]), BATCH)
    known = channel_layer(model, layer)
    assert known.channels is not None
    named = sorted({channel_number(layer, channel, known.channels) for channel in channels})
    # drawn among the others: a draw that held the named ones would be no control
    others = sorted(set(range(known.channels)) - set(named))
    drawn = [draw.choice(others, min(len(named), len(others)), replace=False).tolist() for _ in range(CONTROLS)]
    networks = [model, *(model.edited(Channels(layer, off=off, fill=fill)) for off in (named, *filter(None, drawn)))]
    labels, scores = list[int](), list[np.ndarray]()
    for first in range(0, len(numbers), BATCH):
        for shown, batch in _batches(model, _labelled(model, items, numbers[first : first + BATCH]), size):
            labels += shown
            # all networks on the same batch: a picture is read and decoded once
            scores += list(np.stack([_scores(network, batch) for network in networks], 1))
            if not 0 <= min(shown) <= max(shown) < scores[0].shape[1]:
                raise NbvizError(
                    f"Labels {min(shown)} … {max(shown)} were met, and the network has scores for classes 0 to "
                    f"{scores[0].shape[1] - 1}: labels= are classes of this network, by index or name."
                )
        if labels:
            done = min((first + BATCH) / len(numbers), 1.0)
            yield _effects(np.array(labels), np.stack(scores), done)
    if not labels:
        raise NbvizError(
            f"None of the {len(numbers)} pictures that were drawn has a label: labels= gives them, or sub-folders "
            "named as the network's classes."
        )


def _effects(labels: np.ndarray, scores: np.ndarray, done: float) -> ClassEffects:
    """scores: (N, networks, classes): as it is, with the channels off, with random ones off."""
    control = scores[:, 2:].mean(1) if scores.shape[1] > 2 else np.full_like(scores[:, 0], np.nan)
    return ClassEffects(labels, scores[:, 0], scores[:, 1], control, done)


def _scores(network: InstrumentedModel, batch: Tensor) -> np.ndarray:
    with torch.no_grad():
        return network(batch).double().cpu().numpy()


def _batches(
    model: InstrumentedModel, pictures: Iterator[tuple[Picture, int]], size: int
) -> Iterator[tuple[list[int], Tensor]]:
    """Yield (labels, inputs) of at most ``size`` pictures that are seen at one size."""
    waiting = list[tuple[int, Tensor]]()
    for picture, label in pictures:
        x = model.input(picture)
        if waiting and (len(waiting) == size or waiting[0][1].shape != x.shape):
            yield [label for label, _ in waiting], torch.cat([one for _, one in waiting])
            waiting.clear()
        waiting.append((label, x))
    if waiting:
        yield [label for label, _ in waiting], torch.cat([one for _, one in waiting])


def _labelled(model: InstrumentedModel, items: Items, numbers: Sequence[int]) -> Iterator[tuple[Picture, int]]:
    """Yield labelled pictures and which of the network's classes they are."""
    # a data set may number the same classes in another order, as folders do by the alphabet
    table = None if model.classes is None else matched(items.classes, model.classes, named=True)[0]
    for number in numbers:
        try:
            picture = items.read(number)
        except NbvizError:  # a file that can't be read is one picture less
            continue
        label = picture.label
        if label is not None and table is not None and label < len(table):
            label = table[label] if table[label] >= 0 else None
        if label is not None:
            yield picture, label


def _readable(items: Items, numbers: Sequence[int]) -> Picture:
    for number in numbers:
        try:
            return items.read(number)
        except NbvizError:
            continue
    raise NbvizError(f"None of the {len(numbers)} pictures that were drawn could be read.")
