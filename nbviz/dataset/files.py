"""Files of an index or an atlas: written whole or not at all, and manifests read back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nbviz.arguments import path_of
from nbviz.errors import NbvizError

try:
    import fcntl
except ImportError:  # Windows has no locks that end with a process
    fcntl = None  # type: ignore[assignment]


def folder_at(path: str | os.PathLike[str]) -> Path:
    """Return a folder that is there or can be made, ``~`` expanded. NbvizError where a file is in its place."""
    folder = path_of("path", path)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NbvizError(f"'{path}' is a file: path= takes a folder, which need not be there yet.")
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder that isn't there. NbvizError where the disk refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NbvizError(f"The folder '{folder}' can't be made: {error.strerror or error}.") from error


def check_room(folder: Path) -> None:
    """Raise NbvizError where a folder can't be made or written to, without making it."""
    parent = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    if not os.path.isdir(parent) or not os.access(parent, os.W_OK):
        reason = "Read-only" if os.path.isdir(parent) else "Not a directory"
        raise NbvizError(f"The folder '{folder}' can't be made: {reason}: '{parent}'.")


@contextmanager
def alone(folder: Path, waiting: Callable[[], Any]) -> Iterator[None]:
    """Lock a folder for one thread of one process in this block; ``waiting`` is called until then.

    The lock ends with its process, killed or not. Where a file system has none, everybody is let in.
    """
    if fcntl is None:
        yield
        return
    # the folder itself is locked: a lock file would have to be removed, and is another file to explain
    lock = os.open(folder, os.O_RDONLY)
    try:
        while not _locked(lock):
            waiting()
        yield
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def holds_only(folder: Path, *names: str) -> bool:
    """Return whether a folder holds only these files and half-written ones beside them."""
    return all(
        file.name in names or file.name.startswith(tuple(f".{name}." for name in names)) for file in folder.iterdir()
    )


def write_whole(file: Path, write: Callable[[Path], Any], advice: str) -> None:
    """Write a file whole or not at all. NbvizError, with ``advice`` at its end, where the disk refuses."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        # on the disk before it gets its name: a machine that goes down leaves the old file or the new one
        with open(temporary, "rb+") as opened:
            os.fsync(opened.fileno())
        os.replace(temporary, file)
    except OSError as error:
        raise NbvizError(f"'{file}' could not be written ({error.strerror or error}){advice}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def manifest_in(
    path: Path, name: str, kind: str, known: int, advice: str = "Build it anew in a new folder."
) -> dict[str, Any]:
    """Read a folder's manifest, a JSON file of one format. NbvizError where there is none, or of another format.

    kind: what the folder holds, as the sentence says it: "index". advice: what to do about one that can't be read.
    """
    try:
        manifest = json.loads((path / name).read_text("utf-8"))
    except OSError as error:
        raise NbvizError(f"There is no {kind} in '{path}': {name} can't be read ({error.strerror}).") from error
    except ValueError as error:
        raise NbvizError(f"'{path / name}' is no JSON ({error}). {advice}") from error
    format = manifest.get("format") if isinstance(manifest, dict) else None
    if format != known:
        raise NbvizError(f"The {kind} in '{path}' has format {format!r}; this nbviz reads {known}. {advice}")
    return manifest


@contextmanager
def intact(path: Path, kind: str) -> Iterator[None]:
    """Turn errors of reading a folder in this block into a NbvizError that names the folder."""
    from safetensors import SafetensorError

    try:
        yield
    # whatever a half-written or foreign file makes of the reading of it
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise NbvizError(
            f"The {kind} in '{path}' is damaged ({type(error).__name__}: {error}). Build it anew in a new folder."
        ) from error
