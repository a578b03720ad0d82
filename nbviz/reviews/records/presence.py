"""Labels of networks that say of each class by itself whether it is there: several classes a picture, or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.arguments import whole
from nbviz.arrays import array_of
from nbviz.errors import NbvizError, unknown

if TYPE_CHECKING:
    import pandas

LabelsLike: TypeAlias = Any
"""Labels beside a data set: a class per item, several, a mask or boxes. Any, as each task reads its own kind of
them and refuses the others in a sentence."""
UNKNOWN = -1
"""Of a class of which nobody has said whether it is there."""


def has_several(labels: LabelsLike | None) -> bool:
    """Return whether ``labels=`` has several classes per item: a matrix, or a list of lists."""
    if labels is None or isinstance(labels, (str, bytes)):
        return False
    if getattr(labels, "ndim", 1) == 2:
        return labels.shape[1] > 1
    if not isinstance(labels, Sequence):
        return False
    rows = [row for row in labels if row is not None]
    return bool(rows) and all(_is_several(row) for row in rows)


def _is_several(row: object) -> bool:
    if isinstance(row, (np.ndarray, torch.Tensor)):
        return row.ndim == 1
    return isinstance(row, (list, tuple, set, frozenset))


def presence(labels: LabelsLike, items: int, names: Sequence[str]) -> NDArray[np.int8]:
    """Return which classes each item has: (items, classes) of 1, 0, and −1 in rows of items without labels.

    labels: a matrix or frame of zeros and ones (items, classes), the frame's columns by name; or of each item the names
    or numbers of its classes, None where they are unknown. Raises NbvizError for other sizes, values and names.
    """
    columns = getattr(labels, "columns", None)
    if columns is not None:
        labels = _by_name(labels, [str(name) for name in columns], names)
    matrix = _matrix(labels, len(names))
    table = matrix if matrix is not None else _listed(labels, names)
    if len(table) != items:
        raise NbvizError(f"labels= has {len(table)} entries, but the data set has {items} items.")
    return table


def _by_name(frame: pandas.DataFrame, columns: Sequence[str], names: Sequence[str]) -> NDArray[Any]:
    # by name where the names are the network's, in whatever order; by place only where none is
    if set(columns) == set(names):
        return frame[list(frame.columns[[columns.index(name) for name in names]])].to_numpy()
    if len(columns) == len(names) and not set(columns) & set(names):
        return frame.to_numpy()
    missing = next(iter(sorted(set(names) ^ set(columns))))
    raise NbvizError(f"labels= has columns other than the network's classes: '{missing}' is in one and not the other.")


def _matrix(labels: torch.Tensor | np.ndarray | Iterable[Any], classes: int) -> NDArray[np.int8] | None:
    """Read zeros and ones; None where it is no matrix of as many columns."""
    if isinstance(labels, torch.Tensor):
        labels = array_of(labels)
    rows = labels if isinstance(labels, np.ndarray) else _equal_rows(labels, classes)
    if rows is None:
        return None
    if rows.ndim != 2 or rows.shape[1] != classes:
        raise NbvizError(f"labels= is of shape {rows.shape}, and the network has {classes} classes: one column each.")
    values = rows.astype(float)
    unknown_rows = np.isnan(values).any(1)
    known = values[~unknown_rows]
    if not np.isin(known, (0.0, 1.0)).all():
        other = known[~np.isin(known, (0.0, 1.0))][0]
        raise NbvizError(f"labels= has {other:g}: a class is there (1) or not (0), NaN where it is unknown.")
    table = np.full(values.shape, UNKNOWN, np.int8)
    table[~unknown_rows] = known.astype(np.int8)
    return table


def _equal_rows(labels: Iterable[Any], classes: int) -> NDArray[Any] | None:
    """Stack rows that are arrays, or zeros and ones for every class; None where they are lists of classes."""
    rows = [row for row in labels if row is not None]
    arrays = all(isinstance(row, (np.ndarray, torch.Tensor)) for row in rows)
    if not arrays:
        flags = (isinstance(row, (list, tuple)) and len(row) == classes and set(row) <= {0, 1} for row in rows)
        # [0, 1] of two classes is both of them as numbers, and as flags the second: flags are what matrices become
        if not all(flags):
            return None
    # NaN, not 0: an item without labels says nothing, and zeros would say that no class is there
    blank = [np.nan] * classes
    return np.array([blank if row is None else np.asarray(row, dtype=float) for row in labels])


def _listed(labels: Iterable[Any], names: Sequence[str]) -> NDArray[np.int8]:
    numbers = {name: index for index, name in enumerate(names)}
    table = []
    for item, row in enumerate(labels):
        flags = np.full(len(names), UNKNOWN if row is None else 0, np.int8)
        for one in row or ():
            index = numbers.get(one, -1) if isinstance(one, str) else whole(one)
            if isinstance(one, str) and index == -1:
                raise unknown("class", one, names, f"this network (label of item {item})")
            if index is None or not 0 <= index < len(names):
                last = len(names) - 1
                raise NbvizError(
                    f"labels= has {one!r} for item {item}: a class is its name, or its number, 0 to {last}."
                )
            flags[index] = 1
        table.append(flags)
    return np.stack(table)
