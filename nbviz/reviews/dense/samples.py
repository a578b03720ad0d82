"""Samples with their truths, masks or boxes, and batches of those whose inputs have one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from nbviz.arrays import array_of
from nbviz.dataset.shards import Problems
from nbviz.errors import NbvizError
from nbviz.pictures.decode import is_finite
from nbviz.pictures.labels import item_label
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items, Transform, left_out_reason
from nbviz.reviews.records.presence import LabelsLike


@dataclass(frozen=True)
class Truths:
    """Masks or boxes of a data set's items: those passed beside it, else those that it holds."""

    given: Any = None
    """A sequence, or item → truth as a mapping or a function; None for the data set's own."""

    @classmethod
    def ensure(cls, labels: LabelsLike | None, items: int) -> Truths:
        """Return truths passed as ``labels=``. Raises NbvizError for another number of them."""
        if labels is None or isinstance(labels, Mapping) or callable(labels):
            return cls(labels)
        listed = labels.to_list() if hasattr(labels, "to_list") else labels
        if isinstance(listed, (str, bytes)) or not hasattr(listed, "__getitem__") or not hasattr(listed, "__len__"):
            raise NbvizError(
                "labels= has one mask, or boxes, per item: a list, or a function of the item's number, not "
                f"{labels!r:.60}."
            )
        if len(listed) != items:
            raise NbvizError(f"labels= has {len(listed)} entries, but the data set has {items} items.")
        return cls(listed)

    def of(self, number: int, beside: object) -> object:
        """Return what is known of an item; None where nothing is, or no more than its class."""
        known = beside
        if isinstance(self.given, Mapping):
            known = self.given.get(number)
        elif callable(self.given):
            known = self.given(number)
        elif self.given is not None:
            known = self.given[number]
        return None if self.given is None and _is_class(known) else known


def _is_class(value: object) -> bool:
    """Return whether an item's label names a class of the whole picture."""
    return isinstance(value, str) or item_label(value) is not None


@dataclass(frozen=True)
class Sample:
    """Picture that goes through the network, and what is known of it."""

    number: int
    picture: Picture
    truth: object
    input: torch.Tensor
    """(1, C, H, W), preprocessed."""

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the network's input."""
        return self.input.shape[-2], self.input.shape[-1]


def groups(
    items: Items, numbers: Iterable[int], size: int, transform: Transform, truths: Truths, problems: Problems
) -> Iterator[list[Sample]]:
    """Read items in order, up to ``size`` with inputs of one shape at a time; those that can't be read are noted."""
    group: list[Sample] = []
    for number in numbers:
        try:
            sample = read(items, number, transform, truths)
        except NbvizError as error:
            problems.add(number, left_out_reason(error, number))
            continue
        # of one shape, not padded: padding moves figures at the border
        if group and (len(group) == size or sample.input.shape != group[0].input.shape):
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


def read(items: Items, number: int, transform: Transform, truths: Truths) -> Sample:
    """Read one item with its truth. Raises NbvizError where it can't be read."""
    picture, beside = items.sample(number)
    x = transform(picture)
    if not is_finite(x):
        raise NbvizError("it holds NaN or infinite values.")
    try:
        truth = truths.of(number, beside)
    except Exception as error:  # a function or a sequence of the user's own can raise anything
        raise NbvizError(f"its label can't be had: {type(error).__name__}: {error}") from error
    return Sample(number, picture, truth, x)


def first(items: Items, transform: Transform, truths: Truths, most: int) -> Iterator[Sample]:
    """Yield samples spread over a data set, for checks before a long pass; what can't be read is left out."""
    # spread: data sets are sorted by class more often than not
    for number in sorted({i * (len(items) - 1) // max(1, most - 1) for i in range(most)}):
        try:
            yield read(items, number, transform, truths)
        except NbvizError:  # named when its turn comes
            continue


def plain_array(value: object, what: Callable[[str], NbvizError]) -> np.ndarray:
    """Return a mask's values as an array: of a tensor, an array, a PIL picture, or a file of one.

    what: makes the error of a reason. Palette pictures give their indices.
    """
    if isinstance(value, torch.Tensor):
        return array_of(value)
    if isinstance(value, (str, bytes)) or hasattr(value, "__fspath__"):
        try:
            with Image.open(value) as opened:
                return np.asarray(opened)
        except (OSError, ValueError) as error:
            raise what(f"the file can't be opened ({error})") from error
    if isinstance(value, (np.ndarray, Image.Image)) or _is_numbers(value):
        return np.asarray(value)
    raise what(f"not {type(value).__name__}")


def _is_numbers(value: object) -> bool:
    return isinstance(value, Sequence) and bool(value) and all(isinstance(row, (Sequence, np.ndarray)) for row in value)
