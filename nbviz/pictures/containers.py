"""Containers of one encoded picture that are no file and no ``bytes``: open files, views, names as bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, TypeGuard

from nbviz.pictures.files import SUFFIXES

_LONGEST_NAME = 1024


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
