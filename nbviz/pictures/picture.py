"""A picture: its name, a label it may have, and pixels that are read on demand.

Two pictures are equal when their pixels are, whatever they are called, so that the same photograph under two
names is computed once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import torch
from PIL import Image, ImageOps

from nbviz.arrays import array_of
from nbviz.pictures.decode import Encoded, FilePage, by_range, decoded, upright_size


def name_words(name: str) -> str:
    """Return a picture's name as a sentence has it: the numbers of a data set's items alone would read as figures."""
    return f"picture {name}" if name.isdigit() else name


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture to look at. Made by ``load_pictures``; hashable by its content."""

    name: str
    """Unique among the pictures it was loaded with."""

    source: Encoded | Image.Image | torch.Tensor
    """An encoded file, RGB pixels, or a float tensor (1, C, H, W) that is already preprocessed."""

    label: int | None = None
    """Index of the true class, where the data set says so."""

    @property
    def tensor(self) -> torch.Tensor | None:
        """Already preprocessed tensor (1, C, H, W), or None for a picture with pixels."""
        return self.source if isinstance(self.source, torch.Tensor) else None

    def open(self) -> Image.Image:
        """Open the picture in RGB, upright and in full; shared, so draw on a copy.

        A tensor is drawn from its lowest to its highest value. NotAPicture where the file is damaged.
        """
        if isinstance(self.source, Image.Image):
            return self.source
        if isinstance(self.source, torch.Tensor):
            return by_range(self.source)
        return _pixels(self.source, self.name, _version(self.source))

    @cached_property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        if isinstance(self.source, torch.Tensor):
            return self.source.shape[-1], self.source.shape[-2]
        if isinstance(self.source, Image.Image):
            return self.source.width, self.source.height
        return upright_size(self.source, self.name)

    @cached_property
    def digest(self) -> str:
        """Hash of the pixels or of the tensor."""
        if isinstance(self.source, torch.Tensor):
            # The shape goes in too: the same numbers in other rows are another picture.
            digest = blake2b(f"{self.source.dtype}{tuple(self.source.shape)}".encode(), digest_size=16)
            digest.update(np.ascontiguousarray(array_of(self.source)).data)
        else:
            image = self.open()
            digest = blake2b(f"RGB{image.size}".encode(), digest_size=16)
            digest.update(image.tobytes())
        return digest.hexdigest()

    def thumbnail(self, pixels: int) -> Image.Image:
        """Return the largest centred square, ``pixels`` a side, in RGB."""
        if isinstance(self.source, (Path, bytes, FilePage)):
            # Twice as large, so that the resampling still averages.
            image = decoded(self.source, self.name, at_least=2 * pixels)
        else:
            image = self.open()
        return ImageOps.fit(image, (pixels, pixels), Image.Resampling.LANCZOS)

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Picture) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        label = "" if self.label is None else f", label={self.label}"
        return f"Picture({self.name!r}, {self.size[0]} × {self.size[1]}{label})"


PictureLike: TypeAlias = (
    Picture
    | Image.Image
    | torch.Tensor
    | np.ndarray[Any, Any]
    | str
    | PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryIO
    | FilePage
    | Mapping[str, Any]
)
"""One picture as a person has it at hand: pixels (uint8 (H, W), (H, W, 3) or (H, W, 4), or 16-bit gray), a float
tensor ((1,) C, H, W) that is preprocessed already, a file by name, open or as its bytes, the mapping that Hugging Face
keeps of one, or a mapping name → picture of one entry."""


def _version(source: Encoded) -> tuple[int, int] | None:
    """Return a file's time of writing and size: another pair is another content; None for bytes."""
    file = source.file if isinstance(source, FilePage) else source
    if isinstance(file, bytes):
        return None
    status = file.stat()
    return status.st_mtime_ns, status.st_size


# A phone's photograph is 72 MB once decoded: the one on show and the one before it are enough.
@lru_cache(maxsize=2)
def _pixels(source: Encoded, name: str, version: tuple[int, int] | None) -> Image.Image:  # noqa: ARG001 - part of the cache's key
    return decoded(source, name)
