"""Samples of a data set by number, read one at a time: any size of data set, memory of one batch.

A map-style data set, a loader around one (whose own ``collate_fn`` may make the tensors), a folder (its sub-folders
are the classes), a list or a dict. What can't be read is told to the caller, in a sentence, and the rest goes on.
Whatever reads the same numbers in the same order gets the same batches, here, after a restart, or on another machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from PIL import Image
from torch.utils.data import DataLoader

from nbviz.errors import NbvizError
from nbviz.pictures.columns import Numbered
from nbviz.pictures.decode import is_finite
from nbviz.pictures.labels import given_labels
from nbviz.pictures.load import NotAPicture, Picture, sample_of
from nbviz.pictures.sources import DatasetLike, Source

Transform = Callable[[Picture], torch.Tensor]
Labels = Iterable[int | str | None]
NO_LABEL = -1


@dataclass(frozen=True)
class Batch:
    """Pictures that go through the network together."""

    numbers: torch.Tensor
    """int64 (N,): which items these are, ascending."""
    labels: torch.Tensor
    """int64 (N,): index of the class, -1 where there is none."""
    inputs: torch.Tensor
    """(N, C, H, W), preprocessed."""


@dataclass(frozen=True, eq=False)
class PassProgress:
    """Base of the steps of a pass over pictures, of which the last has what the pass was for."""

    noun: ClassVar[str] = "pictures"
    seen: int
    """Pictures so far."""
    total: int

    @property
    def complete(self) -> bool:
        """True at the last step."""
        raise NotImplementedError

    @property
    def done(self) -> float:
        """Share of the pass, 0…1."""
        # below 1 until it is complete: a panel takes 1 for the final answer
        return 1.0 if self.complete else min(self.seen / max(1, self.total), 0.999)

    @property
    def progress(self) -> str:
        """Progress in a phrase: ``"120 of 5,000 pictures"``."""
        return f"{self.seen:,} of {self.total:,} {self.noun}"


class Items:
    """Data set as item number → picture and label."""

    def __init__(self, source: Numbered, labels: Labels | None = None, classes: Sequence[str] | None = None) -> None:
        self._source = source
        self._labels: list[int | None] | None = None
        if not len(self):
            raise NbvizError("The data set is empty: there is nothing to look at.")
        if labels is not None:
            self._labels, classes = given_labels(labels, len(self), classes)
        self.classes = None if classes is None else tuple(str(name) for name in classes)
        """Names of the classes, where the data set has them."""

    @classmethod
    def ensure(cls, dataset: DatasetLike, labels: Labels | None = None) -> Items:
        """Return any data set a call takes as items. Raises NbvizError for one without a length, or empty."""
        if isinstance(dataset, cls):
            return dataset if labels is None else cls(dataset._source, labels, dataset.classes)  # noqa: SLF001 - our own
        _check_length(dataset.dataset if isinstance(dataset, DataLoader) else dataset)
        source = Source.ensure(dataset)
        if source.single:
            if isinstance(dataset, (str, os.PathLike)) and not os.path.exists(os.path.expanduser(dataset)):
                raise NbvizError(f"'{dataset}' is not a folder, nor is a file of that name there.")
            raise NbvizError("The data set is one picture: pass a list of pictures, a Dataset or a folder.")
        known = source.labels if labels is None else labels
        return cls(source.items, known, source.classes)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, number: int) -> Picture:
        """Return one item, as data sets do; see :meth:`read`."""
        if not 0 <= number < len(self):
            raise IndexError(f"item {number} of {len(self)}")
        return self.read(number)

    def read(self, number: int) -> Picture:
        """Read one item, with its label where it has one. NbvizError, in a sentence, where it can't be read."""
        return self.sample(number)[0]

    def sample(self, number: int) -> tuple[Picture, object]:
        """Read one item once: its picture, as :meth:`read`, and what stands beside it, such as a mask, or None."""
        picture, beside = sample_of(self._source, number, _name(number))
        label = picture.label if self._labels is None else self._labels[number]
        return Picture(_name(number), picture.source, label), beside

    def shape(self, transform: Transform) -> tuple[int, ...]:
        """Shape (C, H, W) of the first item that can be read, preprocessed."""
        first: NbvizError | None = None
        for number in range(len(self)):
            try:
                return tuple(transform(self.read(number)).shape[1:])
            except NbvizError as error:
                first = first or error
        raise NbvizError(f"None of the {len(self)} items can be read. The first: {first}")

    def batches(
        self,
        numbers: Iterable[int],
        size: int,
        transform: Transform,
        shape: tuple[int, ...],
        problem: Callable[[int, str], object],
    ) -> Iterator[Batch]:
        """Read the items of these numbers, ``size`` at a time; ``problem(number, sentence)`` for each left out."""
        members: list[tuple[int, int, torch.Tensor]] = []
        for number in numbers:
            try:
                picture = self.read(number)
                x = transform(picture)
                _check(x, shape)
            except NbvizError as error:
                problem(number, left_out_reason(error, number))
                continue
            members.append((number, NO_LABEL if picture.label is None else picture.label, x))
            if len(members) == size:
                yield _batch(members)
                members = []
        if members:
            yield _batch(members)

    def readable(
        self, numbers: Iterable[int], size: int, transform: Transform, shape: tuple[int, ...]
    ) -> Iterator[Batch]:
        """Read as :meth:`batches` does, what can't be read left out; NbvizError, with a reason, where nothing can."""
        reasons, batch = list[str](), None
        for batch in self.batches(numbers, size, transform, shape, lambda n, why: reasons.append(f"item {n}: {why}")):
            yield batch
        if batch is None:
            raise NbvizError(f"None of the pictures can be read. {reasons[0] if reasons else ''}")


def _batch(members: list[tuple[int, int, torch.Tensor]]) -> Batch:
    numbers, labels, inputs = zip(*members, strict=True)
    return Batch(torch.tensor(numbers, device="cpu"), torch.tensor(labels, device="cpu"), torch.cat(inputs))


def _name(number: int) -> str:
    return f"item {number}"


def left_out_reason(error: NbvizError, number: int) -> str:
    """Return the reason why an item is left out, for a list that says its number already."""
    if not isinstance(error, NotAPicture):
        return str(error)
    return error.reason if error.name == _name(number) else f"{error.name}: {error.reason}"


def _check(x: torch.Tensor, shape: tuple[int, ...]) -> None:
    if tuple(x.shape[1:]) != shape:
        actual, expected = (" × ".join(map(str, s)) for s in (x.shape[1:], shape))
        raise NbvizError(f"it is {actual} where the others are {expected}; pass a transform= that resizes.")
    if not is_finite(x):
        raise NbvizError("it holds NaN or infinite values.")


def _check_length(dataset: object) -> None:
    """Raise NbvizError for a data set that can't be numbered, and is no picture in some form."""
    if hasattr(dataset, "__iter__") and not hasattr(dataset, "__len__") and not isinstance(dataset, Image.Image):
        raise NbvizError(
            f"A data set needs a length and numbered items; {type(dataset).__name__} has not. "
            "Pass a map-style Dataset, a DataLoader around one, a folder or a list. "
            "Of a stream, list(itertools.islice(it, 5000)) is one."
        )
