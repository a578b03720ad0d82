"""Columns of a table or of a data set's items: the one that holds pictures, and the one that holds labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeGuard

import numpy as np
import torch
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.files import SUFFIXES
from nbviz.pictures.labels import item_label

PICTURES = (
    *("image", "img", "pixel_values", "picture", "images", "photo", "jpg", "jpeg", "png", "webp"),
    *("path", "file", "filepath", "file_path", "file_name", "filename", "image_path", "image_file"),
)
"""Names of a column of pictures, looked for in this order; else the only column whose value is a picture is taken."""
LABELS = ("label", "labels", "target", "fine_label", "class", "cls", "category", "y")
TRUTHS = (
    *("mask", "masks", "segmentation_mask", "semantic_mask", "segmentation", "annotation", "target", "targets"),
    *("objects", "labels", "label"),
)
"""Names of a column of masks or boxes, looked for in this order."""


class Numbered(Protocol):
    """Sequence of items, read by number; an item may be a picture, a pair or a mapping, in any form."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Any: ...  # noqa: ANN401 - a data set says of its items what it likes


class Frame(Protocol):
    """Data frame, of pandas or polars, as far as it is needed here."""

    @property
    def columns(self) -> Iterable[object]:
        """Names of the columns."""
        ...

    def __getitem__(self, column: object, /) -> Column: ...


class Column(Protocol):
    """Column of a data frame, as far as it is needed here."""

    def to_list(self) -> list[Any]:
        """Values by position, whatever the frame's own index is."""
        ...


class Rows:
    """Pairs (picture, label) of a data set whose items are mappings, read one at a time."""

    def __init__(self, items: Numbered, picture: str | None, label: str | None) -> None:
        self._items, self._picture, self._label = items, picture, label

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> tuple[Any, Any]:
        row = self._items[number]
        return row[self._picture or picture_column(row)], None if self._label is None else row[self._label]


class Table:
    """Data frame, or mapping of columns, read row by row."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        # The shortest counts: a longer column has rows without a picture or without a label.
        return min(map(len, self._columns.values()))

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {name: column[number] for name, column in self._columns.items()}


def is_frame(value: object) -> TypeGuard[Frame]:
    """Return whether this is a data frame, of pandas or polars; told by its shape, as neither need be installed."""
    return hasattr(value, "columns") and hasattr(value, "to_dict") and hasattr(value, "__getitem__")


def table_of(frame: Frame) -> Table:
    """Return a data frame's columns; each is read by position, whatever the frame's own index is."""
    return Table({str(name): frame[name].to_list() for name in frame.columns})


def picture_column(row: Mapping[str, Any]) -> str:
    """Return the name of the column that holds the picture. Raises NbvizError if none or several may be meant."""
    columns = {str(name).lower(): name for name in row}
    for name in PICTURES:
        # A column may be there and empty: then another one names the picture.
        if name in columns and row[columns[name]] is not None:
            return columns[name]
    holding = [name for name, value in row.items() if looks_like_picture(value)]
    if len(holding) == 1:
        return holding[0]
    names, known = ", ".join(repr(name) for name in row), ", ".join(PICTURES)
    problem = (
        "none of them holds a picture" if not holding else f"several hold pictures: {', '.join(map(repr, holding))}"
    )
    raise NbvizError(f"Of the columns {names} {problem}. Rename the one that is meant; looked for {known}.")


def label_column(row: Mapping[str, Any]) -> str | None:
    """Return the name of the column that holds the label, where one has a usual name."""
    return next((name for name in LABELS if name in row), None)


def labelled_column(dataset: object) -> tuple[tuple[str, ...] | None, str | None]:
    """Find the names of a ``datasets.ClassLabel`` feature and its column: of a usual name, or the only one."""
    features = getattr(dataset, "features", None)
    if not isinstance(features, Mapping):
        return None, None
    named = {str(column): feature.names for column, feature in features.items() if getattr(feature, "names", None)}
    usual = label_column(named) or (next(iter(named)) if len(named) == 1 and label_column(features) is None else None)
    return (None, None) if usual is None else (tuple(map(str, named[usual])), usual)


def looks_like_picture(value: object) -> bool:
    """Return whether one value of a column can be a picture: pixels, an encoded file, or a file's name."""
    if isinstance(value, (str, PathLike)):
        return Path(value).suffix.lower() in SUFFIXES
    if isinstance(value, Mapping):
        return is_encoded(value)
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return value.ndim in (2, 3)
    return isinstance(value, (Image.Image, bytes, bytearray))


def is_encoded(value: Mapping[str, Any]) -> bool:
    """Return whether this is {"bytes": …, "path": …}, as Hugging Face keeps a picture that isn't decoded."""
    # Exactly these two: a row of a table may have a "path" among others.
    return value.keys() == {"bytes", "path"}


def label_in(item: object) -> object:
    """The label of an item that is a mapping."""
    if not isinstance(item, Mapping):
        return None
    column = label_column(item)
    return None if column is None else item[column]


def truth_in(item: object) -> object:
    """Return what an item holds beside its picture: the second of a pair, a mask or boxes by name; None for nothing."""
    if isinstance(item, Mapping):
        if "boxes" in item:
            return item
        return next((item[name] for name in TRUTHS if item.get(name) is not None), None)
    return item[1] if isinstance(item, (tuple, list)) and len(item) > 1 else None


def is_pair(value: object) -> TypeGuard[Sequence[Any]]:
    """Return whether this is (picture, label): a name or a number, in whatever it is wrapped."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        return False
    picture, label = value
    # Two numbers are no picture and label but, say, a size.
    if isinstance(picture, (int, float)):
        return False
    if isinstance(label, (str, PathLike)):
        # Two file names are two pictures.
        return not looks_like_picture(label)
    return (
        label is None
        or isinstance(label, (int, float, np.generic))
        or (isinstance(label, (np.ndarray, torch.Tensor)) and label.ndim < 2 and not isinstance(picture, (list, tuple)))
    )


def image_and_label(item: object) -> tuple[object, int | None]:
    """Take apart one item of a data set: a picture, a pair, or a mapping with a column of pictures."""
    if isinstance(item, Mapping):
        if is_encoded(item):
            return item, None
        column = label_column(item)
        image, label = item[picture_column(item)], None if column is None else item[column]
    elif isinstance(item, (tuple, list)) and item:
        image, label = item[0], item[1] if len(item) > 1 else None
    else:
        image, label = item, None
    return image, item_label(label)
