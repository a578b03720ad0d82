"""Picture files on disk: those of a folder or a pattern, and the sentence about a path that holds none.

os.path is asked, not pathlib, which raises for a name too long, with a null byte or with a stranger's ~.
"""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

from nbviz.errors import NbvizError, nearest
from nbviz.pictures.decode import NotAPicture, check_file

SUFFIXES = (
    *(".avif", ".bmp", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
    *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tga", ".tif", ".tiff", ".webp"),
)
_NOT_OURS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "lost+found")
"""Folders that systems put beside pictures, with copies or thumbnails of them."""
_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
_WAYS = {
    ".npy": ("an array of numpy's", "Pass np.load(file)."),
    ".npz": ("arrays of numpy's", "Pass one of those that np.load(file) holds."),
    ".pt": ("tensors of torch's", "Pass torch.load(file)."),
    ".pth": ("tensors of torch's", "Pass torch.load(file)."),
    ".dcm": ("a DICOM file", "Pass pydicom.dcmread(file).pixel_array, brought to 8 or 16 bits."),
    ".nii": ("a volume", "Pass slices of it, brought to 8 bits: nibabel.load(file).get_fdata()."),
    ".csv": ("a table", "Pass pandas.read_csv(file), with a column of paths."),
    ".parquet": ("a table", "Pass pandas.read_parquet(file)."),
    **dict.fromkeys((".h5", ".hdf5"), ("arrays in HDF5", "Pass one of them: h5py.File(file)[name][:].")),
    ".svg": ("a drawing, which has no pixels", "Save it as PNG."),
    ".pdf": ("a document", "Save its pages as PNG."),
    **dict.fromkeys((".heic", ".heif"), ("HEIC", "import pillow_heif; pillow_heif.register_heif_opener() opens it.")),
    **dict.fromkeys(
        (".mp4", ".mov", ".avi", ".mkv", ".webm"), ("a film", "Pass a list of its frames, uint8 (H, W, 3).")
    ),
}
"""Files that people take for pictures: their kind, and the way to the pictures in them."""
# pathlib makes one slash of two; a single letter is a drive of Windows.
_ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]+:/|data:)", re.IGNORECASE)


def picture_files(folder: Path) -> list[Path]:
    """Return a folder's pictures by name; where it has only sub-folders, the pictures in those.

    Hidden files and folders (``.ipynb_checkpoints``, ``.Trash``) are left out. Raises NbvizError if there is none.
    """
    try:
        # The folder's own pictures come first: one with some of its own is no folder of classes.
        files = _pictures_among(folder, folder.iterdir()) or _pictures_among(folder, folder.rglob("*"))
    except OSError as error:
        raise NbvizError(f"The folder '{folder}' can't be read: {error.strerror or error}.") from error
    if not files:
        raise NbvizError(
            f"There is no picture in the folder '{folder}'. Looked for {', '.join(SUFFIXES)}.{_contents(folder)}"
        )
    return files


def folders_in(folder: Path) -> list[str]:
    """Return the names of a folder's own sub-folders, the hidden left out."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not _hidden(folder, entry))


def empty_folders(folder: Path) -> list[str]:
    """Return the names of a folder's own sub-folders that hold no visible file."""
    inner = {name: (entry for entry in (folder / name).rglob("*")) for name in folders_in(folder)}
    return [name for name, entries in inner.items() if all(_hidden(folder, entry) for entry in entries)]


def number_note(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the note on folders named by numbers, whose alphabetical order differs from the numeric one."""
    other = next((n for n, name in enumerate(classes) if name.isdecimal() and int(name) != n), None)
    if other is None or not all(name.isdecimal() for name in classes):
        return ()
    return (
        f"Folders are classes by the alphabet, as in torchvision's ImageFolder: '{classes[other]}' is class {other}.",
    )


def matching_files(pattern: str) -> list[Path] | None:
    """Return the pictures that a pattern such as ``photos/*.jpg`` names; None where the text is no pattern.

    Raises NbvizError if nothing matches.
    """
    if not glob.has_magic(pattern) or is_address(pattern) or os.path.exists(pattern):
        return None
    matches = (Path(match) for match in glob.glob(os.path.expanduser(pattern), recursive=True))
    files = _pictures_among(Path(), matches)
    if not files:
        raise NbvizError(f"No picture matches '{shortened(pattern)}'. Looked for {', '.join(SUFFIXES)}.")
    return files


def is_address(path: str | PathLike[str]) -> bool:
    """Return whether a text is a URL, which nothing here follows."""
    return bool(_ADDRESS.match(str(path)))


def checked_path(original: str | PathLike[str], name: str) -> Path:
    """Return the path of an intact picture. Raises NotAPicture, with the nearest file, if there is none."""
    path = Path(os.path.expanduser(original))
    if os.path.isdir(path):
        raise NotAPicture(name, "a folder inside a list", "Pass the folder alone.")
    if is_address(original):
        raise NotAPicture(shortened(str(original)), "an address", "Nothing is downloaded: pass the file's bytes.")
    if not os.path.exists(path):
        pattern = " A pattern is passed alone, not in a list." if glob.has_magic(str(path)) else ""
        raise NotAPicture(shortened(str(path)), "no such file", f"{_nearest_file(path)}{pattern}".strip())
    if path.suffix.lower() in _ARCHIVES:
        raise NotAPicture(name, "an archive", "Unpack it (shutil.unpack_archive) and pass the folder.")
    try:
        check_file(path, name)
    except NotAPicture as error:
        way = _WAYS.get(path.suffix.lower())
        if way is None or error.reason != "not a picture":
            raise
        raise NotAPicture(name, *way) from error
    return path


def class_folders(folder: Path, files: Iterable[Path]) -> list[str] | None:
    """Return the class of each file, its sub-folder of ``folder``; None where some lie in the folder itself."""
    parts = [file.relative_to(folder).parts for file in files]
    return [part[0] for part in parts] if all(len(part) > 1 for part in parts) else None


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not os.path.isdir(folder):
        return f"There is no folder '{shortened(str(folder))}' either."
    close = nearest(path.name, (entry.name for entry in folder.iterdir()))
    return f"Nearest: '{folder / close}'." if close else ""


def _pictures_among(folder: Path, entries: Iterable[Path]) -> list[Path]:
    pictures = (entry for entry in entries if entry.suffix.lower() in SUFFIXES)
    return sorted(entry for entry in pictures if not _hidden(folder, entry) and entry.is_file())


def _hidden(folder: Path, entry: Path) -> bool:
    """Return whether a file, or a folder between it and ``folder``, is hidden; above, that is the user's choice."""
    inner = entry.relative_to(folder).parts if entry.is_relative_to(folder) else (entry.name,)
    return any((part.startswith(".") and part not in (".", "..")) or part in _NOT_OURS for part in inner)


def _contents(folder: Path) -> str:
    suffixes = Counter(entry.suffix.lower() for entry in folder.rglob("*") if entry.is_file() and entry.suffix)
    if not suffixes:
        return ""
    suffix, count = suffixes.most_common(1)[0]
    arrays = f" Pass [np.load(file) for file in sorted(Path({str(folder)!r}).rglob('*.npy'))]."
    return f" It holds {count:,} of {suffix}.{arrays if suffix == '.npy' else ''}"


def shortened(text: str) -> str:
    """Return a user's own value, cut to what a message can hold."""
    return text if len(text) <= 200 else f"{text[:199]}…"


def kind_of(value: object) -> str:
    """Describe a value by itself and its type, for a message."""
    return f"{shortened(repr(value))} ({type(value).__name__})"
