"""Loading of pictures: whatever a person has at hand becomes an ordered mapping of name → ``Picture``.

What can't be opened is listed in ``problems`` in a sentence, and the rest opens. Only where nothing is left
does ``load_pictures`` raise. Files are checked and not decoded; a data set gives its first few items only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.columns import Numbered, image_and_label, is_encoded, truth_in
from nbviz.pictures.containers import unpacked
from nbviz.pictures.decode import (
    FilePage,
    NotAPicture,
    check_file,
    checked_tensor,
    is_animation,
    rgb_from_array,
    rgb_from_pil,
    uint8_tensor_as_array,
)
from nbviz.pictures.files import checked_path, kind_of, shortened
from nbviz.pictures.picture import Picture, PictureLike
from nbviz.pictures.sources import FORMS, DatasetLike, Source

__all__ = ["NotAPicture", "Picture", "PictureLike", "Pictures", "load_pictures"]


class Pictures(Mapping[str, Picture]):
    """Pictures by name, in order."""

    def __init__(
        self,
        pictures: Iterable[Picture],
        problems: Iterable[str] = (),
        notes: Iterable[str] = (),
        source: Source | None = None,
    ) -> None:
        self._pictures = {picture.name: picture for picture in pictures}
        self.source = Source.ensure(list(self._pictures.values())) if source is None else source
        """All that they were taken from: of a data set or a folder these are the first few."""
        self.problems = list(problems)
        """Sentences about what could not be read."""
        self.notes = list(notes)
        """Sentences about what was left out on purpose."""
        self.cut = ""
        """That of the notes which says how many of a data set's are among them; empty where all are."""

    def __getitem__(self, name: str) -> Picture:
        return self._pictures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """Names of the classes, where a data set or its folders have them."""
        return self.source.classes

    def __repr__(self) -> str:
        return f"Pictures({', '.join(self)})"


def load_pictures(images: DatasetLike) -> Pictures:
    """Open every kind of ``images`` the Explorer takes.

    images: a path, a folder or a pattern (``photos/*.jpg``), a list or tuple of any mix, with labels or without, a
    dict name → image, a map-style Dataset or a data frame (the first 12), PIL images, uint8 arrays (H, W), (H, W, 3)
    or (H, W, 4), 16-bit gray, the bytes of an image file, or already preprocessed float tensors (C, H, W); a batch of
    arrays or tensors is taken apart, and so are a TIFF's pages. Raises NbvizError if nothing can be opened.
    """
    if isinstance(images, Pictures):
        return images
    if hasattr(images, "dataset") and not hasattr(images, "__getitem__"):
        # a loader has an order of its own: picture 3 would be another one each time
        raise NbvizError(
            f"A {type(images).__name__} makes batches of a data set, in an order of its own: pass its .dataset."
        )
    source = Source.ensure(images)
    total = len(source.items)
    count = total if source.shown is None else min(total, source.shown)
    cut = f"The first {count} of {total:,} {source.noun} are shown." if count < total else ""
    pictures = _collected(source, count, [*source.notes, *filter(None, [cut])])
    pictures.cut = cut
    return pictures


def _collected(source: Source, count: int, notes: list[str]) -> Pictures:
    pictures: dict[str, Picture] = {}
    problems: list[NbvizError] = []
    names: list[str] = []
    animations: list[str] = []
    for number in range(count):
        name = unique_name(str(number) if source.names is None else source.names[number], pictures)
        try:
            picture = _numbered(source, number, name)
        except NbvizError as error:
            problems.append(error)
            names.append(name)
            continue
        pictures[name] = picture
        # Only a whole file can be an animation: a page of one was counted as a picture of its own.
        if isinstance(picture.source, (Path, bytes)) and is_animation(picture.source, name):
            animations.append(name)
    if not pictures:
        raise _nothing(problems)
    if animations:
        notes.append(f"Of an animation the first picture is shown: {', '.join(animations[:5])}.")
    return Pictures(pictures.values(), _summary(problems, names, len(pictures), source.noun), notes, source)


def _numbered(source: Source, number: int, name: str) -> Picture:
    label = None if source.labels is None else source.labels[number]
    if source.names is None:
        picture = item_of(source.items, number, name)
        return Picture(name, picture.source, picture.label if label is None else label)
    image, own = image_and_label(source.items[number])
    return _picture(image, name, own if label is None else label)


def _nothing(problems: list[NbvizError]) -> NbvizError:
    if not problems:
        return NbvizError(f"images= is empty. It takes {FORMS}.")
    if len(problems) == 1:
        return problems[0]
    return NbvizError(f"None of the {len(problems)} pictures can be opened. The first: {problems[0]}")


def _summary(problems: list[NbvizError], names: list[str], opened: int, kind: str) -> list[str]:
    if not problems:
        return []
    examples = [f"{name} ({_reason(error)})" for name, error in zip(names[:5], problems, strict=False)]
    examples += ["…"] if len(problems) > 5 else []
    return [f"{len(problems)} of {len(problems) + opened} {kind} could not be read: {', '.join(examples)}"]


def _reason(error: NbvizError) -> str:
    return error.reason if isinstance(error, NotAPicture) else str(error).rstrip(".")


def unique_name(name: str, taken: Mapping[str, Any]) -> str:
    """Return the name, or with a number behind it where it is taken."""
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def _picture(value: object, name: str, label: int | None = None) -> Picture:
    value = unpacked(value)
    if isinstance(value, Picture):
        return Picture(name, value.source, value.label if label is None else label)
    if isinstance(value, (str, PathLike)):
        return Picture(name, checked_path(value, name), label)
    if isinstance(value, Mapping) and is_encoded(value):
        value = value["path"] if value["bytes"] is None else value["bytes"]
        return _picture(value, name, label)
    if isinstance(value, FilePage):
        check_file(value, name)
        return Picture(name, value, label)
    if isinstance(value, (bytes, bytearray)):
        check_file(bytes(value), name)
        return Picture(name, bytes(value), label)
    if isinstance(value, Image.Image):
        return Picture(name, rgb_from_pil(value, name), label)
    # torchvision reads files as uint8: pixels, where every other type is preprocessed input.
    if isinstance(value, torch.Tensor) and value.dtype != torch.uint8:
        return Picture(name, checked_tensor(value, name), label)
    if isinstance(value, torch.Tensor):
        value = uint8_tensor_as_array(value)
    if isinstance(value, np.ndarray):
        return Picture(name, rgb_from_array(value, name), label)
    raise NotAPicture(name, kind_of(value), f"A picture is {FORMS}.")


def item_of(dataset: Numbered, index: int, name: str) -> Picture:
    """Read one item of a data set, with its label if any. Raises NotAPicture, named by the item's file if any."""
    return sample_of(dataset, index, name)[0]


def sample_of(dataset: Numbered, index: int, name: str) -> tuple[Picture, object]:
    """Read one item once: its picture, and what else is known of it, such as a mask or boxes; None where nothing is."""
    # A data set may draw its augmentation anew at each call, so an item is fetched once and kept.
    try:
        item = dataset[index]
    except NbvizError:
        raise
    except Exception as error:
        raise NotAPicture(name, f"the data set raised {type(error).__name__}: {error}") from error
    image, label = image_and_label(item)
    called = shortened(str(image)) if isinstance(image, (str, PathLike)) else name
    return _picture(image, called, label), truth_in(item)


def as_picture(image: PictureLike) -> Picture:
    """Return any image that a call takes as one Picture."""
    if isinstance(image, Picture):
        return image
    # A text may be a pattern, and a dict name → picture: these say themselves how many they are.
    pictures = load_pictures([image] if not isinstance(image, (str, dict)) else image)
    if len(pictures) != 1:
        raise NbvizError(f"One picture is wanted here, not {len(pictures)}.")
    return next(iter(pictures.values()))
