"""Containers of pictures: open files, views and names as bytes; stacks in an array, batches beside labels, loaders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from math import isqrt
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeGuard

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, default_collate, default_convert

from nbviz.pictures.columns import Numbered, image_and_label, looks_like_picture, truth_in
from nbviz.pictures.files import SUFFIXES

_LONGEST_NAME = 1024
Array: TypeAlias = np.ndarray[Any, Any] | torch.Tensor
_NARROWEST = 8
"""Columns of a gray picture in a stack, at least: as few are rather the channels of one picture."""
_CHANNELS = (1, 3, 4)


def unpacked(value: object) -> object:
    """Return the path or the bytes that a value stands for; any other value as it is.

    A file that is open is read whole and left where it stood.
    """
    if isinstance(value, memoryview):
        return value.tobytes()
    if isinstance(value, bytes) and _is_name(value):
        return os.fsdecode(value)
    return _content(value) if _is_open(value) else value


def _is_open(value: object) -> TypeGuard[BinaryIO]:
    """Return whether this can be read as a file; an array of some packages can be, too."""
    return all(hasattr(value, name) for name in ("read", "seek", "tell")) and not hasattr(value, "shape")


def _is_name(value: bytes) -> bool:
    # every format of pictures has a byte 0 somewhere in its header, and no file's name has
    if not value or len(value) > _LONGEST_NAME or b"\0" in value:
        return False
    name = os.fsdecode(value)
    return os.path.exists(name) or Path(name).suffix.lower() in SUFFIXES


def _content(file: BinaryIO) -> object:
    # It goes on as it is, and is then refused by its type, with what a picture may be.
    if getattr(file, "closed", False):
        return file
    at = file.tell()
    file.seek(0)
    content = file.read()
    # The file is the caller's, who may read on.
    file.seek(at)
    return content if isinstance(content, bytes) else file


def is_stack(images: Array) -> bool:
    """Return whether an array is a stack of pictures: of four axes, or of gray ones, as ``MNIST.data`` is."""
    if images.ndim != 3 or (isinstance(images, torch.Tensor) and images.is_floating_point()):
        return images.ndim == 4
    return images.shape[0] not in _CHANNELS and images.shape[2] >= _NARROWEST


def channels_last(images: Array) -> Array:
    """Return a view (N, H, W, C) of a stack (N, C, H, W) of pixels, as files of CIFAR hold; all else as it is."""
    if isinstance(images, torch.Tensor) or images.ndim != 4:
        return images
    first = images.shape[1] in _CHANNELS and images.shape[3] not in _CHANNELS
    return np.moveaxis(images, 1, -1) if first else images


def apart(pictures: Array | Sequence[Any]) -> Iterable[Any]:
    """Return the pictures of a stack or a list, each as it would be alone."""
    return pictures if isinstance(pictures, Sequence) else channels_last(pictures)


def flattened_note(images: Array) -> tuple[str, ...]:
    """Return the note on an array (N, numbers) that is read as one gray picture, and may hold a flattened one a row."""
    if images.ndim != 2:
        return ()
    count, numbers = images.shape
    for channels in (1, 3):
        side = isqrt(numbers // channels)
        # hardly a picture is eight times as wide or as high as it is high or wide
        if side >= _NARROWEST and side * side * channels == numbers and not 1 / 8 < count / numbers < 8:
            shape = f"-1, {side}, {side}" if channels == 1 else f"-1, 3, {side}, {side}"
            return (
                f"Read as one gray picture of {numbers} × {count} pixels. Of rows that are flattened pictures, pass "
                f"array.reshape({shape}).",
            )
    return ()


def are_batch(pictures: object, labels: object) -> bool:
    """Return whether these are pictures and their labels, as many: a loader's batch, or what training was given.

    Pictures come in a stack, or in a list beside a list of numbers or names.
    """
    if isinstance(pictures, (np.ndarray, torch.Tensor)):
        if not isinstance(labels, (np.ndarray, torch.Tensor, list)) or not is_stack(pictures):
            return False
        return len(labels) == len(pictures) and (pictures.ndim == 4 or np.ndim(labels) == 1)
    if not isinstance(pictures, (list, tuple)) or not isinstance(labels, (list, tuple, np.ndarray, torch.Tensor)):
        return False
    same = len(pictures) == len(labels) > 0
    return same and all(map(looks_like_picture, pictures)) and all(map(_is_label, labels))


def are_pictures(values: Iterable[object]) -> bool:
    """Return whether these are pictures in colour, and none of them the mask of another."""
    return all(looks_like_picture(value) and not _may_be_mask(value) for value in values)


def _is_label(value: object) -> bool:
    one = isinstance(value, (np.ndarray, torch.Tensor)) and value.ndim == 0
    return one or isinstance(value, (int, np.generic)) or (isinstance(value, str) and not looks_like_picture(value))


def _may_be_mask(value: object) -> bool:
    if isinstance(value, Image.Image):
        return value.mode not in ("RGB", "RGBA")
    # a file of a mask has a name like any other
    return not isinstance(value, (np.ndarray, torch.Tensor)) or value.ndim == 2


class Collated:
    """Data set of a loader whose own ``collate_fn`` makes tensors of pictures."""

    def __init__(self, dataset: Numbered, collate: Callable[[list[Any]], object]) -> None:
        self._dataset, self._collate = dataset, collate

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, number: int) -> object:
        item = self._dataset[number]
        image, label = image_and_label(item)
        if isinstance(image, torch.Tensor) and image.is_floating_point():
            return item
        # A batch of one: how the function joins several isn't known, and memory stays a picture's.
        collated = self._collate([item])
        tensors, own_label = image_and_label(collated)
        if not (isinstance(tensors, torch.Tensor) and tensors.is_floating_point()):
            return item
        known = own_label if label is None else label
        return tensors, truth_in(collated) if known is None else known


def collated(loader: DataLoader[Any]) -> Collated | None:
    """Return the items of a loader that has a ``collate_fn`` of its own; None where it is torch's."""
    # torch's own only stack what the data set gives already.
    if loader.collate_fn in (None, default_collate, default_convert):
        return None
    return Collated(loader.dataset, loader.collate_fn)
