"""Labels: a picture's class in the forms that data sets give it, as an index."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeAlias

import numpy as np
import torch

from nbviz.arguments import whole
from nbviz.arrays import array_of
from nbviz.errors import NbvizError

MOST = 2**31 - 1
"""Rankings keep labels in 32 bits."""
ClassNames: TypeAlias = Iterable[Any] | Mapping[Any, Any]
"""Names of classes as networks and data sets carry them: in order, as a list, an array or a column; or by number, as
index → name or name → index."""
_WORDNET = re.compile(r"n\d{8}")


def label_index(label: object) -> int | None:
    """Return the index of a label: itself, alone in an array, or one-hot; None for no label, one below zero, a text."""
    number = whole(_bare(label))
    return number if number is not None and 0 <= number <= MOST else None


def item_label(label: object) -> int | None:
    """Return the index of an item's class; of a question's answer, yes or no, 1 or 0."""
    bare = _bare(label)
    # `whole` takes neither for a number, which elsewhere is a mistake; a loss of yes and no wants floats.
    if isinstance(bare, (bool, float)) and float(bare).is_integer():
        return label_index(int(bare))
    return label_index(bare)


def column_labels(values: Sequence[Any]) -> list[Any] | None:
    """Return a column's labels where it holds names, gaps or fractions; None where each row says its own.

    A missing one is None, and whole numbers are such again, which pandas makes floats for its sake. Fractions are no
    classes, and so neither are the whole numbers among them.
    """
    labels = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    numbers = [value for value in labels if isinstance(value, float)]
    if not all(number.is_integer() for number in numbers):
        return [None] * len(labels)
    if numbers or None in labels:
        return [int(value) if isinstance(value, float) else value for value in labels]
    return labels if any(isinstance(value, str) for value in labels) else None


def class_list(classes: object) -> tuple[str, ...]:
    """Return the names of classes in the order of their scores.

    classes: names in order, in a list, an array or a column; or a mapping of index → name or name → index, as
    ``config.id2label``, ``class_to_idx`` and ImageNet's JSON are. Raises NbvizError for a text, a set, an order
    that has gaps, and for what holds no names.
    """
    if isinstance(classes, (str, bytes)):
        raise NbvizError(f"classes= is one text ({classes!r:.60}); pass a list of names, one per class.")
    if isinstance(classes, (set, frozenset)):
        raise NbvizError("classes= is a set, which has no order: pass a list of names in the order of the scores.")
    if isinstance(classes, Mapping):
        return _numbered(classes)
    if isinstance(classes, (np.ndarray, torch.Tensor)):
        classes = classes.tolist()
    if not isinstance(classes, Iterable):
        raise NbvizError(f"classes= has one name per class, in a list; not {classes!r:.60} ({type(classes).__name__}).")
    return tuple(map(_class_name, classes))


def names_in(classes: object) -> tuple[str, ...] | None:
    """Return the names that a data set gives its classes; None where it gives none, or not in an order."""
    if classes is None or callable(classes):
        return None
    try:
        return class_list(classes) or None
    except NbvizError:
        # An attribute of another meaning: nobody passed it as names.
        return None


def name_or_number(names: Sequence[str] | None, index: int) -> str:
    """Return the name of a class, or ``"class 17"`` where there is none."""
    return names[index] if names and index < len(names) else f"class {index}"


def class_names(dataset: object) -> tuple[str, ...] | None:
    """Return a data set's own ``classes``, through torch's Subset and ConcatDataset; None where it has none."""
    # Wrappers may hold each other in a circle.
    for _ in range(8):
        classes = names_in(getattr(dataset, "classes", None)) or names_in(getattr(dataset, "class_to_idx", None))
        if classes is not None:
            return classes
        parts = getattr(dataset, "datasets", None)
        if isinstance(parts, (list, tuple)) and parts:
            names_of_parts = {class_names(part) for part in parts}
            # Parts that number their classes differently have no common names.
            return names_of_parts.pop() if len(names_of_parts) == 1 else None
        dataset = getattr(dataset, "dataset", None)
        if dataset is None:
            break
    return None


def _numbered(classes: Mapping[Any, Any]) -> tuple[str, ...]:
    by_index = {_index(key): value for key, value in classes.items()}
    # Not all keys are numbers, so it is the other way round, as torchvision's class_to_idx.
    if None in by_index:
        by_index = {_index(value): key for key, value in classes.items()}
    if len(by_index) < len(classes) or set(by_index) != set(range(len(classes))):
        raise NbvizError(
            f"classes= is a dict of {len(classes)} entries whose numbers are not 0 to {len(classes) - 1}, once each "
            f"({classes!r:.60}). Pass index → name, name → index, or a list of names."
        )
    return tuple(_class_name(by_index[index]) for index in range(len(classes)))


def _index(value: object) -> int | None:
    """Read a whole number, or one that JSON made a text."""
    return int(value) if isinstance(value, str) and value.isdecimal() else whole(value)


def _class_name(name: object) -> str:
    """Return one name of a class: of several synonyms the first, after WordNet's number."""
    if isinstance(name, (tuple, list)) and name:
        return str(next((word for word in name if not _WORDNET.fullmatch(str(word))), name[0]))
    if isinstance(name, Enum):
        return name.name
    return name.decode() if isinstance(name, bytes) else str(name)


def _bare(label: object) -> object:
    """Return a label without the array or tensor around it."""
    if isinstance(label, torch.Tensor):
        label = array_of(label)
    return _alone(np.asarray(label)) if isinstance(label, (np.ndarray, np.generic)) else label


def _alone(array: np.ndarray[Any, Any] | np.generic) -> object:
    if array.size == 1:
        return array.item()
    one_hot = array.ndim == 1 and array.size > 1 and (array == 1).sum() == 1 and (array == 0).sum() == array.size - 1
    return int(array.argmax()) if one_hot else None


def given_labels(
    labels: object, count: int, classes: Sequence[str] | None
) -> tuple[list[int | None], Sequence[str] | None]:
    """Return the index of each of ``count`` labels passed beside a data set, and the names of the classes.

    labels: an index, a name, or None an item. classes: what the data set calls them; where labels are names and it
    doesn't, the names by the alphabet. NbvizError for another number of labels, and for what is no label.
    """
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        raise NbvizError(f"labels= has one label per item, in a list; not {labels!r}.")
    given = list(labels)
    if len(given) != count:
        raise NbvizError(f"labels= has {len(given)} entries, but the data set has {count} items.")
    names = {str(label) for label in given if isinstance(label, str)}
    if names and not names <= set(classes or ()):
        classes = sorted(names)
    numbers = {name: index for index, name in enumerate(classes or ())}
    return [_given(label, item, numbers) for item, label in enumerate(given)], classes


def _given(label: object, item: int, numbers: dict[str, int]) -> int | None:
    if label is None:
        return None
    if isinstance(label, str):
        return numbers[label]
    index = item_label(label)
    if index is None and (whole(label) or 0) >= 0:
        raise NbvizError(
            f"labels= has {label!r} for item {item}: a label is the index of a class, its name, or None where there "
            "is none."
        )
    return index
