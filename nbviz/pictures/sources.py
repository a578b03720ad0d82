"""Sources of pictures: whatever a call takes as images or as a data set becomes numbered items.

Nothing is decoded here. The Explorer opens the first few of the items (``load_pictures``), an index reads all of them
(``Items``); as both come through here, what one takes the other takes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader

from nbviz.errors import NbvizError
from nbviz.pictures.columns import (
    LABELS,
    PICTURES,
    Numbered,
    Rows,
    Table,
    is_encoded,
    is_frame,
    is_pair,
    label_column,
    label_in,
    labelled_column,
    looks_like_picture,
    picture_column,
    table_of,
)
from nbviz.pictures.containers import (
    apart,
    are_batch,
    are_pictures,
    channels_last,
    collated,
    flattened_note,
    is_stack,
    unpacked,
)
from nbviz.pictures.decode import FilePage, NotAPicture, pages
from nbviz.pictures.files import (
    class_folders,
    empty_folders,
    folders_in,
    is_address,
    kind_of,
    matching_files,
    number_note,
    picture_files,
)
from nbviz.pictures.labels import class_names, column_labels, given_labels, names_in
from nbviz.pictures.picture import Picture, PictureLike

FROM_A_DATASET = 12
FROM_A_FOLDER = 512
FORMS = "a path, a folder, a list, a dict name → image, a Dataset, PIL images, uint8 arrays or float tensors (C, H, W)"
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing", "dev"}
_FIRST_OF_EACH = "Of lists of pictures the first of each is shown: pass one flat list, or a dict class → pictures."
_PAGED = (".tif", ".tiff")
_TIFF = (b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class Source:
    """Numbered items, read one at a time."""

    items: Numbered
    """Each a picture in any form, or a pair or mapping of a picture and its label."""
    names: Sequence[str] | None = None
    """One per item; without, items are called by their numbers."""
    labels: Sequence[int | None] | None = None
    """One per item, where the items don't bring them."""
    classes: tuple[str, ...] | None = None
    """Names of the classes, where the source has them."""
    shown: int | None = None
    """How many of them are opened to be looked at; None: all, as somebody chose them one by one."""
    noun: str = "pictures"
    notes: tuple[str, ...] = ()
    single: bool = False
    """True if it is one picture, given alone."""

    @property
    def is_data_set(self) -> bool:
        """True if it stands for a whole that is looked through, rather than for chosen pictures."""
        return self.shown is not None

    @classmethod
    def ensure(cls, images: DatasetLike | Source) -> Source:
        """Return the items of anything that holds pictures. Raises NbvizError for all else, with a way out."""
        if isinstance(images, cls):
            return images
        images = unpacked(images)
        if isinstance(images, DataLoader):
            return _from_loader(images)
        if isinstance(images, (str, PathLike)):
            return _from_path(images)
        if is_frame(images):
            return _from_table(table_of(images))
        if isinstance(images, Mapping):
            return _from_mapping(images)
        if isinstance(images, (np.ndarray, torch.Tensor)):
            return _from_array(images)
        if isinstance(images, (list, tuple)):
            return _from_list(images)
        if isinstance(images, (bytes, bytearray, Image.Image, Picture)):
            return _from_files([images], single=True)
        if hasattr(images, "to_list") and hasattr(images, "dtype"):
            # A column of pandas or polars.
            return _from_list(images.to_list())
        if hasattr(images, "__getitem__") and hasattr(images, "__len__"):
            return _from_data_set(images)
        raise NbvizError(f"images= got {kind_of(images)}. It takes {FORMS}.{_iterable_hint(images)}")


DatasetLike: TypeAlias = PictureLike | Numbered | DataLoader[Any]
"""Data set, or a few chosen pictures, as a person has them: a picture in any form; a folder, or a pattern of files'
names; a list, or a mapping name → picture or class → pictures; a batch (N, C, H, W); a data frame, or a column of one;
a map-style Dataset, or a loader around one. Items are pictures, with labels or without: a pair or a mapping each."""


def _from_path(path: str | PathLike[str]) -> Source:
    folder = os.path.expanduser(path)
    if os.path.isdir(folder):
        return _from_folder(Path(folder))
    matches = matching_files(str(path))
    if matches is not None:
        return _from_files(matches, shown=FROM_A_FOLDER, noun="files")
    return _from_files([path], single=True)


def _from_folder(folder: Path) -> Source:
    """Read a folder's pictures; where all lie in sub-folders, these are the classes, in torchvision's order."""
    files = picture_files(folder)
    folder_of_each = class_folders(folder, files)
    names = [str(file.relative_to(folder)) for file in files]
    if folder_of_each is None:
        others = folders_in(folder)
        left_out = f"'{folder}' holds pictures of its own, so its folders are left out: {', '.join(others[:5])}."
        return _from_files(files, names, shown=FROM_A_FOLDER, noun="files", notes=(left_out,) if others else ())
    empty = empty_folders(folder)
    classes = tuple(sorted({*folder_of_each, *empty}))
    if set(map(str.lower, classes)) <= _SPLITS:
        note = f"'{folder}' holds the splits {', '.join(classes)}, which are no classes: pass one of them for labels."
        return _from_files(files, names, shown=FROM_A_FOLDER, noun="files", notes=(note,))
    numbers = {name: number for number, name in enumerate(classes)}
    labels = [numbers[name] for name in folder_of_each]
    notes = number_note(classes)
    notes += (f"Folders without a picture, counted as classes all the same: {', '.join(empty[:5])}.",) if empty else ()
    return _from_files(files, names, labels, classes, shown=FROM_A_FOLDER, noun="files", notes=notes)


def _from_files(
    files: Sequence[Any],
    names: Sequence[str] | None = None,
    labels: Sequence[int | None] | None = None,
    classes: tuple[str, ...] | None = None,
    *,
    shown: int | None = None,
    noun: str = "pictures",
    notes: tuple[str, ...] = (),
    single: bool = False,
) -> Source:
    """Read chosen pictures in any form; a file of several pages gives each page."""
    names = [name_of(value, None if single else n) for n, value in enumerate(files)] if names is None else names
    page_numbers = [_pages(file, name) for file, name in zip(files, names, strict=True)]
    if all(len(numbers) == 1 for numbers in page_numbers):
        return Source(files, names, labels, classes, shown, noun, notes, single)
    items, titles, numbers = [], [], []
    for n, (file, name, pages_of_it) in enumerate(zip(files, names, page_numbers, strict=True)):
        items += [FilePage(_file(file), page) if len(pages_of_it) > 1 else file for page in pages_of_it]
        titles += [f"{name} page {page + 1}" if len(pages_of_it) > 1 else name for page in pages_of_it]
        numbers += [None if labels is None else labels[n]] * len(pages_of_it)
    return Source(items, titles, None if labels is None else numbers, classes, shown, noun, notes)


def _pages(file: object, name: str) -> list[int]:
    if not _may_have_pages(file):
        return [0]
    try:
        return pages(_file(file), name)
    except NotAPicture:
        # It is told when it is opened, among the others.
        return [0]


def _may_have_pages(file: object) -> TypeGuard[str | PathLike[str] | bytes]:
    if isinstance(file, (bytes, bytearray)):
        return bytes(file[:4]) in _TIFF
    return isinstance(file, (str, PathLike)) and str(file).lower().endswith(_PAGED) and not is_address(file)


def _file(file: str | PathLike[str] | bytes) -> Path | bytes:
    return bytes(file) if isinstance(file, (bytes, bytearray)) else Path(os.path.expanduser(file))


def _from_table(table: Table) -> Source:
    if not len(table):
        raise NbvizError("The data set is empty: there is nothing to look at.")
    picture, label = picture_column(table[0]), label_column(table[0])
    values = None if label is None else column_labels([table[n][label] for n in range(len(table))])
    if values is not None:
        labels, classes = given_labels(values, len(table), None)
        return Source(Rows(table, picture, None), None, labels, names_in(classes), FROM_A_DATASET, "rows")
    return Source(Rows(table, picture, label), shown=FROM_A_DATASET, noun="rows")


def _from_mapping(images: Mapping[Any, Any]) -> Source:
    values = list(images.values())
    if values and all(hasattr(value, "features") and hasattr(value, "__len__") for value in values):
        first = next(iter(images))
        raise NbvizError(
            f"images= got {len(images)} data sets: {', '.join(map(str, images))}. Pass one, images[{first!r}]."
        )
    if is_encoded(images):
        return _from_files([images], single=True)
    names = {str(name).lower() for name in images}
    if names & set(PICTURES) and names & set(LABELS):
        if looks_like_picture(images[picture_column(images)]):
            return Source([images], ["image"], single=True)
        return _from_table(Table(images))
    if values and all(isinstance(some, list) or isinstance(some, tuple) and are_pictures(some) for some in values):
        return _from_classes(images)
    return Source(values, [str(name) for name in images])


def _from_classes(images: Mapping[Any, Sequence[Any]]) -> Source:
    """Lists of pictures by the name of their class, as folders would hold them."""
    classes = tuple(map(str, images))
    named = [
        (name_of(value, n), value, label) for label, some in enumerate(images.values()) for n, value in enumerate(some)
    ]
    names = [f"{classes[label]}/{name}" for name, _, label in named]
    return _from_files([value for _, value, _ in named], names, [label for *_, label in named], classes)


def _from_array(images: np.ndarray[Any, Any] | torch.Tensor) -> Source:
    if isinstance(images, np.ndarray) and images.dtype.kind in "OU":
        return _from_list(images.tolist())
    images = channels_last(images)
    if is_stack(images):
        count = len(images)
        # Up to a folder's limit all are opened; a longer stack is looked through as a data set is.
        shown = FROM_A_FOLDER if count > FROM_A_FOLDER else None
        return Source(images, [f"image {n}" for n in range(count)], shown=shown)
    return _from_files([images], single=True, notes=flattened_note(images))


def _from_list(images: Sequence[Any]) -> Source:
    if len(images) == 2 and are_batch(*images):
        images = list(zip(apart(images[0]), images[1], strict=True))
    elif is_pair(images) and isinstance(images, tuple):
        return Source([images], [name_of(images[0], None)], single=True)
    images = [unpacked(value) for value in images]
    if not any(isinstance(value, (tuple, list, Mapping)) for value in images):
        return _from_files(images)
    names = [name_of(value[0] if is_pair(value) else value, n) for n, value in enumerate(images)]
    texts = [value[1] if is_pair(value) else label_in(value) for value in images]
    if any(isinstance(text, str) for text in texts):
        labels, classes = given_labels(texts, len(images), None)
        return Source([value[0] if is_pair(value) else value for value in images], names, labels, names_in(classes))
    several = any(isinstance(value, (tuple, list)) and len(value) > 1 and are_pictures(value) for value in images)
    return Source(images, names, notes=(_FIRST_OF_EACH,) if several else ())


def _from_loader(loader: DataLoader[Any]) -> Source:
    source, items = Source.ensure(loader.dataset), collated(loader)
    return source if items is None else replace(source, items=items)


def _from_data_set(images: Numbered) -> Source:
    classes, label = labelled_column(images)
    if label is not None:
        return Source(Rows(images, None, label), classes=classes, shown=FROM_A_DATASET, noun="items")
    return Source(images, classes=class_names(images), shown=FROM_A_DATASET, noun="items")


def name_of(value: object, index: int | None) -> str:
    """Return a name that says where a picture came from."""
    name = "image" if index is None else f"image {index}"
    if isinstance(value, Picture):
        return value.name
    if isinstance(value, (str, PathLike)):
        return Path(value).name or name
    if isinstance(value, Image.Image) and isinstance(getattr(value, "filename", None), str):
        return Path(value.filename).name or name
    return name


def _iterable_hint(images: object) -> str:
    if isinstance(images, (set, frozenset)):
        return " A set has no order: pass sorted(images)."
    return " Pass a list of the first few: list(itertools.islice(images, 12))." if hasattr(images, "__iter__") else ""
