"""Picture files on disk: which of a folder's files are pictures, and what to say of one that isn't there.

os.path is asked, not pathlib, which raises for a name too long, with a null byte or with a stranger's ~.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from nbviz.errors import NbvizError, nearest
from nbviz.pictures.decode import NotAPicture, check_file

_SUFFIXES = (
    *(".avif", ".bmp", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
    *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)


def picture_files(folder: Path) -> list[Path]:
    """A folder's pictures by name; where it has only sub-folders, the pictures in those."""
    try:
        files = _pictures_among(folder.iterdir()) or _pictures_among(folder.rglob("*"))
    except OSError as error:
        raise NbvizError(f"The folder '{folder}' can't be read: {error.strerror or error}.") from error
    if not files:
        raise NbvizError(f"There is no picture in the folder '{folder}'. Looked for {', '.join(_SUFFIXES)}.")
    return files


def checked_path(original: str | PathLike[str], name: str) -> Path:
    """The path of an intact picture; NotAPicture, with the nearest file, where there is none."""
    path = Path(os.path.expanduser(original))
    if os.path.isdir(path):
        raise NotAPicture(name, "a folder inside a list", "Pass the folder alone.")
    if not os.path.exists(path):
        if "://" in str(original):
            raise NotAPicture(str(original), "an address", "Nothing is downloaded: pass the file's bytes.")
        raise NotAPicture(shortened(str(path)), "no such file", _nearest_file(path))
    check_file(path, name)
    return path


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not os.path.isdir(folder):
        return f"There is no folder '{shortened(str(folder))}' either."
    close = nearest(path.name, (entry.name for entry in folder.iterdir()))
    return f"Nearest: '{folder / close}'." if close else ""


def _pictures_among(entries: Iterable[Path]) -> list[Path]:
    found = (entry for entry in entries if entry.suffix.lower() in _SUFFIXES and not entry.name.startswith("."))
    return sorted(entry for entry in found if entry.is_file())


def shortened(text: str) -> str:
    """A user's own value, for a message."""
    return text if len(text) <= 200 else f"{text[:199]}…"
