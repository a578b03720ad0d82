"""Folds: probabilities of pictures by networks that were not trained on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.arguments import whole
from nbviz.errors import NbvizError
from nbviz.model.brief import ModelLike
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items
from nbviz.reviews.records.making import record
from nbviz.reviews.records.records import Records

Folds = Sequence[tuple[ModelLike, Sequence[int]]]
"""Networks, each with the numbers of the items that it was not trained on."""


class Held(torch.utils.data.Dataset):
    """Items of a data set that one fold held out."""

    def __init__(self, items: Items, numbers: Sequence[int]) -> None:
        self.items, self.numbers, self.classes = items, numbers, items.classes

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: int) -> Picture:
        return self.items.read(self.numbers[place])


def fold_probabilities(here: Records, folds: Folds, progress: bool = True) -> NDArray[np.float64]:
    """Return probabilities (labelled pictures, classes), each picture's by the fold that held it out.

    Raises NbvizError where an item is held out by no fold or by several, and for networks of other classes.
    """
    if here.items is None:
        raise NbvizError("Folds need the review's data set: nbviz.reviews.load(path, model, dataset).")
    # once each: a picture that two folds held out would have two answers, one in none has none that is out of sample
    numbers = [_numbers(held, here.plan.items) for _, held in folds]
    counts = np.bincount(np.concatenate([*numbers, np.zeros(0, int)]), minlength=here.plan.items)
    known = here.column("items")[here.known]
    for item in known[counts[known] != 1][:1]:
        how = "no fold" if counts[item] == 0 else f"{counts[item]} folds"
        raise NbvizError(f"Item {item} is held out by {how}: each is held out once, by a network not trained on it.")
    found = np.full((here.plan.items, len(here.names)), np.nan)
    for (network, _), held in zip(folds, numbers, strict=True):
        fold = Records(*record(network, Held(here.items, held.tolist()), progress=progress))
        # by number: folds are of one training script, whose networks need not carry the names
        if len(fold.names) != len(here.names):
            raise NbvizError(f"A fold's network has {len(fold.names)} classes, and the review {len(here.names)}.")
        found[held[fold.column("items")]] = np.exp(fold.every_log())
    return found[known]


def _numbers(held: Sequence[int], items: int) -> NDArray[np.int64]:
    numbers = [whole(number) for number in held]
    bad = next((given for given, number in zip(held, numbers, strict=True) if number is None or number >= items), None)
    if bad is not None or any(number is not None and number < 0 for number in numbers):
        raise NbvizError(f"folds= holds out items by number, 0 to {items - 1}, not {bad!r}.")
    return np.array(sorted(number for number in numbers if number is not None), dtype=np.int64)
