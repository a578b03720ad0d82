"""Files of an index or an atlas: written whole or not at all, and manifests read back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbviz.tensors.errors import NbvizError


def written(file: Path, write: Callable[[Path], Any], advice: str) -> None:
    """Write a file whole or not at all. NbvizError, with ``advice`` at its end, where the disk refuses."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write(beside)
        with open(beside, "rb+") as opened:
            os.fsync(opened.fileno())
        os.replace(beside, file)
    except OSError as error:
        raise NbvizError(f"'{file}' could not be written ({error.strerror or error}){advice}") from error
    finally:
        beside.unlink(missing_ok=True)


def manifest_in(path: Path, name: str, kind: str, known: int) -> dict[str, Any]:
    """A folder's manifest. kind: "index" or "atlas". NbvizError where there is none, or of another format."""
    try:
        manifest = json.loads((path / name).read_text())
    except OSError as error:
        raise NbvizError(f"There is no {kind} in '{path}': {name} can't be read ({error.strerror}).") from error
    except ValueError as error:
        raise NbvizError(f"'{path / name}' is no JSON ({error}). Build the {kind} in a new folder.") from error
    if manifest.get("format") != known:
        raise NbvizError(
            f"The {kind} in '{path}' has format {manifest.get('format')!r}; this nbviz reads {known}. Build it anew."
        )
    return manifest
