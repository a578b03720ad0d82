"""Pictures in: whatever a person has at hand → an ordered mapping of name → `Picture`.

What can't be opened is listed in `problems` in a sentence, and the rest opens. Only where nothing is left
does `load_pictures` raise. Files are checked and not decoded; a data set gives its first few items only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.decode import (
    NotAPicture,
    check_file,
    checked_tensor,
    rgb_from_array,
    rgb_from_pil,
    uint8_tensor_as_array,
)
from nbviz.pictures.files import checked_path, picture_files, shortened
from nbviz.pictures.labels import label_index
from nbviz.pictures.picture import Picture

__all__ = ["NotAPicture", "Picture", "Pictures", "load_pictures"]

FROM_A_DATASET = 12
FROM_A_FOLDER = 512
_WHAT = "a path, a folder, a list, a dict name → image, a Dataset, PIL images, uint8 arrays or float tensors (C, H, W)"


class Pictures(Mapping[str, Picture]):
    """Name → `Picture`, in order."""

    def __init__(self, pictures: Iterable[Picture], problems: Iterable[str] = (), notes: Iterable[str] = ()) -> None:
        self._pictures = {picture.name: picture for picture in pictures}
        self.problems = list(problems)
        """Sentences about what could not be read."""
        self.notes = list(notes)
        """Sentences about what was left out on purpose."""

    def __getitem__(self, name: str) -> Picture:
        return self._pictures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    def __repr__(self) -> str:
        return f"Pictures({', '.join(self)})"


def load_pictures(images: Any) -> Pictures:
    """Every kind of `images` the Explorer takes → `Pictures`.

    images: a path or folder, a list or tuple of any mix, a dict name → image, a map-style Dataset with or
    without labels (its first 12), PIL images, uint8 arrays (H, W), (H, W, 3) or (H, W, 4), 16-bit gray, the
    bytes of an image file, or already preprocessed float tensors (C, H, W); a batch of arrays or tensors is
    taken apart. NbvizError where nothing can be opened.
    """
    if isinstance(images, Pictures):
        return images
    if isinstance(images, (str, PathLike)) and os.path.isdir(os.path.expanduser(images)):
        return _from_folder(Path(os.path.expanduser(images)))
    if isinstance(images, Mapping):
        return _collect((str(name), _opener(value)) for name, value in images.items())
    if isinstance(images, (np.ndarray, torch.Tensor)) and images.ndim == 4:
        images = list(images)
    if isinstance(images, (list, tuple)):
        return _collect(_named(value, index) for index, value in enumerate(images))
    if _is_single(images):
        return _collect([_named(images, None)])
    if hasattr(images, "__getitem__") and hasattr(images, "__len__"):
        return _from_dataset(images)
    raise NbvizError(f"images= got {_kind(images)}. It takes {_WHAT}.{_iterable_hint(images)}")


_Opener = Callable[[str], Picture]


def _collect(openers: Iterable[tuple[str, _Opener]], notes: Iterable[str] = (), kind: str = "pictures") -> Pictures:
    pictures: dict[str, Picture] = {}
    problems: list[NbvizError] = []
    names: list[str] = []
    for name, opener in openers:
        name = _unique(name, pictures)
        try:
            pictures[name] = opener(name)
        except NbvizError as error:
            problems.append(error)
            names.append(name)
    if not pictures:
        raise _nothing(problems)
    return Pictures(pictures.values(), _summary(problems, names, len(pictures), kind), notes)


def _nothing(problems: list[NbvizError]) -> NbvizError:
    if not problems:
        return NbvizError(f"images= is empty. It takes {_WHAT}.")
    if len(problems) == 1:
        return problems[0]
    return NbvizError(f"None of the {len(problems)} pictures can be opened. The first: {problems[0]}")


def _summary(problems: list[NbvizError], names: list[str], opened: int, kind: str) -> list[str]:
    if not problems:
        return []
    shown = [f"{name} ({_reason(error)})" for name, error in zip(names[:5], problems, strict=False)]
    shown += ["…"] if len(problems) > 5 else []
    return [f"{len(problems)} of {len(problems) + opened} {kind} could not be read: {', '.join(shown)}"]


def _reason(error: NbvizError) -> str:
    return error.reason if isinstance(error, NotAPicture) else str(error).rstrip(".")


def _unique(name: str, taken: Mapping[str, Any]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def _is_single(value: Any) -> bool:
    return isinstance(value, (str, PathLike, bytes, bytearray, Image.Image, np.ndarray, torch.Tensor, Picture))


def _named(value: Any, index: int | None) -> tuple[str, _Opener]:
    """A name that tells where the picture came from, and how to open it."""
    name = "image" if index is None else f"image {index}"
    if isinstance(value, Picture):
        name = value.name
    elif isinstance(value, (str, PathLike)):
        name = Path(value).name or name
    elif isinstance(value, Image.Image) and isinstance(getattr(value, "filename", None), str):
        name = Path(value.filename).name or name
    return name, _opener(value)


def _opener(value: Any, label: int | None = None) -> _Opener:
    def open_as(name: str) -> Picture:
        return _picture(value, name, label)

    return open_as


def _picture(value: Any, name: str, label: int | None = None) -> Picture:
    if isinstance(value, Picture):
        return Picture(name, value.source, value.label if label is None else label)
    if isinstance(value, (str, PathLike)):
        return Picture(name, checked_path(value, name), label)
    if isinstance(value, (bytes, bytearray)):
        check_file(bytes(value), name)
        return Picture(name, bytes(value), label)
    if isinstance(value, Image.Image):
        return Picture(name, rgb_from_pil(value, name), label)
    if isinstance(value, torch.Tensor) and value.dtype != torch.uint8:
        return Picture(name, checked_tensor(value, name), label)
    if isinstance(value, torch.Tensor):
        value = uint8_tensor_as_array(value)
    if isinstance(value, np.ndarray):
        return Picture(name, rgb_from_array(value, name), label)
    raise NotAPicture(name, _kind(value), f"A picture is {_WHAT}.")


def _from_folder(folder: Path) -> Pictures:
    """The pictures in a folder by name; where it has only sub-folders, the pictures in those."""
    files = picture_files(folder)
    notes = []
    if len(files) > FROM_A_FOLDER:
        notes = [f"The first {FROM_A_FOLDER} of {len(files):,} pictures in '{folder}' are shown."]
    chosen = files[:FROM_A_FOLDER]
    return _collect(((str(file.relative_to(folder)), _opener(file)) for file in chosen), notes, "files")


def _from_dataset(dataset: Any) -> Pictures:
    total = len(dataset)
    count = min(total, FROM_A_DATASET)
    notes = [f"The first {count} of {total:,} items are shown."] if count < total else []
    return _collect(((str(index), _item_opener(dataset, index)) for index in range(count)), notes)


def _item_opener(dataset: Any, index: int) -> _Opener:
    return lambda name: item_of(dataset, index, name)


def item_of(dataset: Any, index: int, name: str) -> Picture:
    """One item of a data set, with its label where it has one; NotAPicture, of its file's name where it is one."""
    # A data set may draw its augmentation anew at each call, so an item is fetched once and kept.
    try:
        item = dataset[index]
    except Exception as error:
        raise NotAPicture(name, f"the data set raised {type(error).__name__}: {error}") from error
    image, label = image_and_label(item)
    return _picture(image, shortened(str(image)) if isinstance(image, (str, PathLike)) else name, label)


def image_and_label(item: Any) -> tuple[Any, int | None]:
    """What a data set gives for an item, taken apart."""
    if isinstance(item, Mapping):
        image = next((item[key] for key in ("image", "img", "pixel_values", "picture") if key in item), item)
        label = next((item[key] for key in ("label", "labels", "target", "fine_label") if key in item), None)
    elif isinstance(item, (tuple, list)) and item:
        image, label = item[0], item[1] if len(item) > 1 else None
    else:
        image, label = item, None
    return image, label_index(label)


def _kind(value: Any) -> str:
    return f"{shortened(repr(value))} ({type(value).__name__})"


def _iterable_hint(images: Any) -> str:
    if hasattr(images, "dataset"):
        return " This has a data set: pass its .dataset."
    return " Pass a list of the first few: list(itertools.islice(images, 12))." if hasattr(images, "__iter__") else ""


def as_picture(image: Any) -> Picture:
    """Any image a call takes, as one Picture."""
    if isinstance(image, Picture):
        return image
    pictures = load_pictures([image] if not isinstance(image, (str, dict)) else image)
    if len(pictures) != 1:
        raise NbvizError(f"One picture is wanted here, not {len(pictures)}.")
    return next(iter(pictures.values()))


def all_finite(values: torch.Tensor) -> bool:
    """Whether no value is NaN or infinite."""
    # one sum tells mostly, and takes a twentieth of the time; it may overflow by itself
    return bool(values.sum().isfinite()) or bool(values.isfinite().all())
