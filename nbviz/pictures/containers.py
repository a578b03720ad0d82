"""Containers of one encoded picture that are no file and no ``bytes``: open files, views, names as bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbviz.pictures.files import SUFFIXES

_LONGEST_NAME = 1024


def unpacked(value: Any) -> Any:
    """Return the path or the bytes that a value stands for; any other value as it is.

    A file that is open is read whole and left where it stood.
    """
    if isinstance(value, memoryview):
        return value.tobytes()
    if isinstance(value, bytes) and _is_name(value):
        return os.fsdecode(value)
    if all(hasattr(value, name) for name in ("read", "seek", "tell")) and not hasattr(value, "shape"):
        return _content(value)
    return value


def _is_name(value: bytes) -> bool:
    # every format of pictures has a byte 0 somewhere in its header, and no file's name has
    if not value or len(value) > _LONGEST_NAME or b"\0" in value:
        return False
    name = os.fsdecode(value)
    return os.path.exists(name) or Path(name).suffix.lower() in SUFFIXES


def _content(file: Any) -> Any:
    if getattr(file, "closed", False):
        return file
    at = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(at)
    return content if isinstance(content, bytes) else file
