"""A picture's class, in the forms data sets tell it → its index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from nbviz.arguments import whole
from nbviz.errors import NbvizError

MOST = 2**31 - 1
"""Rankings keep labels in 32 bits."""


def label_index(label: Any) -> int | None:
    """An index, alone in an array or one-hot → index; None for all else: no label, one below zero, a text."""
    if isinstance(label, (torch.Tensor, np.ndarray, np.generic)):
        label = _alone(np.asarray(label.detach().cpu() if isinstance(label, torch.Tensor) else label))
    number = whole(label)
    return number if number is not None and 0 <= number <= MOST else None


def _alone(array: np.ndarray) -> Any:
    if array.size == 1:
        return array.item()
    one_hot = array.ndim == 1 and array.size > 1 and (array == 1).sum() == 1 and (array == 0).sum() == array.size - 1
    return int(array.argmax()) if one_hot else None


def given_labels(
    labels: Any, count: int, classes: Sequence[str] | None
) -> tuple[list[int | None], Sequence[str] | None]:
    """Labels passed beside a data set of ``count`` items → an index each, and the names of the classes.

    labels: an index, a name, or None an item. classes: what the data set calls them; where labels are names and it
    doesn't, the names by the alphabet. NbvizError for another number of labels, and for what is no label.
    """
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise NbvizError(f"labels= has one label an item, in a list; not {labels!r}.")
    given = list(labels)
    if len(given) != count:
        raise NbvizError(f"labels= has {len(given)} entries, but the data set has {count} items.")
    names = {str(label) for label in given if isinstance(label, str)}
    if names and not names <= set(classes or ()):
        classes = sorted(names)
    numbers = {name: index for index, name in enumerate(classes or ())}
    return [_given(label, item, numbers) for item, label in enumerate(given)], classes


def _given(label: Any, item: int, numbers: dict[str, int]) -> int | None:
    if label is None:
        return None
    if isinstance(label, str):
        return numbers[label]
    index = label_index(int(label) if isinstance(label, bool) else label)
    if index is None and (whole(label) or 0) >= 0:
        raise NbvizError(
            f"labels= has {label!r} for item {item}: a label is the index of a class, its name, or None where there "
            "is none."
        )
    return index
