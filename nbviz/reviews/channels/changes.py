"""Changes of the scores of many pictures as each channel of a layer is switched off, class by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.circuits.effects import resumed_scores
from nbviz.circuits.switches import sweep
from nbviz.edits.channels import Fill
from nbviz.evaluation.summary import student
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.feature_maps import channel_layer
from nbviz.replica.guest import Pass
from nbviz.reviews.channels.activations import items_of
from nbviz.reviews.records.records import Records
from nbviz.reviews.statistics.intervals import holm

ROUNDING = 1e-5
"""Of the largest change: differences up to it are none."""
EACH = 5
"""Pictures of a class, at least, where it has as many."""


@dataclass(frozen=True, eq=False)
class ClassChanges:
    """Changes of scores, score without the channel − with it, on N pictures, which have M classes altogether."""

    classes: NDArray[np.int64]
    """(M,): a class that a picture has."""
    own: NDArray[np.float64]
    """(M, C): change of that class's score on that picture."""
    right: NDArray[np.bool_]
    """(M,): whether its score is the largest, with all channels on."""
    right_without: NDArray[np.bool_]
    """(M, C): whether it is with each off."""
    total: NDArray[np.float64]
    """(C, classes): sum of the changes over all N pictures."""
    pictures: int

    def others(self) -> NDArray[np.float64]:
        """Return the mean change that the other channels of the layer make in the same score, (M, C)."""
        rest = self.own.shape[1] - 1
        return (self.own.sum(1, keepdims=True) - self.own) / rest if rest else np.full_like(self.own, np.nan)

    def effects(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean change of each class's score on its own pictures, and a corrected p, (C, classes) each.

        p: Student's paired t-test against the mean of the layer's other channels on the same pictures, by Holm over all
        channels and classes. NaN where a class has no pictures, or one.
        """
        from scipy.stats import ttest_1samp

        effects, p = np.full(self.total.shape, np.nan), np.full(self.total.shape, np.nan)
        beyond = self.own - self.others()
        # channels that do the same differ by the rounding of a float32 network, which a t-test takes for an effect
        beyond[np.abs(beyond) <= ROUNDING * np.abs(self.own).max()] = 0.0
        for index in np.unique(self.classes):
            rows = self.classes == index
            effects[:, index] = self.own[rows].mean(0)
            if rows.sum() > 1:
                p[:, index] = np.where(beyond[rows].any(0), ttest_1samp(beyond[rows], 0.0).pvalue, 1.0)
        return effects, holm(p.ravel()).reshape(p.shape)

    def row(self, channel: int, index: int) -> dict[str, float]:
        """Return the figures of a channel and a class; see :meth:`nbviz.Review.channels`."""
        rows = self.classes == index
        change, count = self.own[rows, channel], int(rows.sum())
        low, high = student(change)
        rest = self.pictures - count
        return {
            "pictures": count, "effect": float(change.mean()), "low": low, "high": high,
            "control": float(self.others()[rows, channel].mean()),
            "others": float(self.total[channel, index] - change.sum()) / rest if rest else np.nan,
            "right": float(self.right[rows].mean()), "right_without": float(self.right_without[rows, channel].mean()),
        }  # fmt: skip


def measure(
    model: InstrumentedModel, records: Records, rows: NDArray[np.int64], name: str, fill: Fill
) -> Iterator[int | ClassChanges]:
    """Switch every channel of a layer off for each picture: yield the pictures so far, at times the changes so far.

    rows: of the review, as :func:`balanced` draws them; a picture's classes are its labels, or its answer in a review
    without labels. The changes so far are yielded when there are two pictures of each class, fewer have no interval,
    again at twice as many, and last of all pictures.
    """
    items, plan = items_of(records), records.plan
    numbers = records.column("items")[rows].tolist()
    look = 2 * len(np.unique(first_classes(records)[rows]))
    member = dict(zip(numbers, memberships(records, rows), strict=True))
    parts, total = list[tuple[NDArray[Any], ...]](), np.zeros(())
    # one picture at a time: a sweep fills its batches with the picture's channels
    for batch in items.readable(numbers, 1, model.transform, plan.shape):
        before, without = (_class_scores(scores) for scores in _swept(model, batch.inputs, name, fill))
        classes = np.flatnonzero(member[int(batch.numbers[0])])
        change = without - before
        total = total + change
        parts.append((classes, change[:, classes].T, before.argmax() == classes, without.argmax(1) == classes[:, None]))
        yield len(parts)
        if len(parts) == look < len(rows):
            look *= 2
            yield _joined(parts, total)
    yield _joined(parts, total)


def _joined(parts: Sequence[tuple[NDArray[Any], ...]], total: NDArray[np.float64]) -> ClassChanges:
    """parts: class, change, whether right and right without of each picture; total: the sum of their changes."""
    classes, own, right, without_right = (np.concatenate(part) for part in zip(*parts, strict=True))
    return ClassChanges(classes, own, right, without_right, total, len(parts))


def _swept(
    model: InstrumentedModel, inputs: torch.Tensor, name: str, fill: Fill
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of a picture, (K,), and those with each channel off, (C, K)."""
    model.trace(inputs)
    layer = channel_layer(model, name)
    assert layer.layout is not None and layer.channels is not None
    layout, count = layer.layout, layer.channels

    def work(run: Pass) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        resumed = resumed_scores(model, run, inputs.to(run.device, model.guest.dtype), name)
        scores = resumed.output[0].numpy()
        without = np.empty((count, len(scores)))
        with torch.no_grad():
            for channels, off in sweep(resumed, layout, range(count), fill):
                without[channels] = off.numpy()
        return scores, without

    return model.guest.steady(work)


def _class_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score of each class (…, classes); of a network with one score those of its two answers."""
    # a single score's sign says which of two answers it is, so the other's is its negative
    return scores if scores.shape[-1] > 1 else np.concatenate([-scores, scores], -1)


def memberships(records: Records, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which classes pictures have, (rows, classes): their labels, else their answers."""
    return np.stack([has[rows] for has in _each_class(records)], 1)


def first_classes(records: Records) -> NDArray[np.int64]:
    """Return the first class of each picture, (pictures,); −1 where it has none."""
    # a class at a time: of a million pictures and a thousand classes the whole table would be a gigabyte
    first = np.full(len(records), -1)
    for index, has in enumerate(_each_class(records)):
        first[has & (first < 0)] = index
    return first


def _each_class(records: Records) -> Iterator[NDArray[np.bool_]]:
    has = records.has_class if records.labelled else records.says_class
    return (has(index) for index in range(len(records.names)))


def balanced(classes: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Return rows of a seeded draw of as many pictures, with as many of each class as there can be, in any beginning.

    classes: (pictures,); pictures of class −1 are not drawn. Without balance a rare class would have no figure. Of more
    classes than have room for five pictures each some come first: one picture of each had no interval.
    """
    draw = np.random.default_rng(seed)
    order = draw.permutation(np.flatnonzero(classes >= 0))
    first = classes[order]
    known, sizes = np.unique(first, return_counts=True)
    room = max(1, count // EACH)
    # those with enough pictures before others, and all where there is room for all
    favoured = known[np.lexsort((draw.random(len(known)), sizes < EACH))][: room if len(order) > count else None]
    rank = np.zeros(len(order), int)
    for index in known:
        rank[first == index] = np.arange((first == index).sum())
    return order[np.lexsort((rank, ~np.isin(first, favoured)))][:count]
