"""An index on disk: a manifest in JSON, parts while it is built, one safetensors file when it is done.

::

    manifest.json       format, plan (network's and data set's digests, layers, k …), versions, class names
    parts/*.safetensors what some pieces came to; their metadata say which pieces and what was left out
    index.safetensors   the whole, once complete; its metadata as a part's

Tensors are named ``layer/top/values`` (channels, depth), ``…/items``, ``…/labels``, ``…/places`` (channels, k),
counted by rows, likewise ``bottom``, values negated; ``layer/sample/values`` and ``…/places`` (channels, sample).
Every file is written beside its name and moved there, so a half-written one is never read; a part that can't be
read is done again. One build works in a folder at a time: another waits, and goes on with what the first has left.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbviz.dataset.files import alone, holds_only, intact, made_at, manifest_in, written
from nbviz.dataset.index.options import IndexOptions
from nbviz.dataset.index.partial import PartialIndex
from nbviz.dataset.index.plan import FORMAT, Plan
from nbviz.errors import NbvizError
from nbviz.version import __version__

MANIFEST, WHOLE, PARTS = "manifest.json", "index.safetensors", "parts"
MANY = 8
POLL = 0.2
"""Seconds between looks at whether another build in the same folder has ended."""
AGAIN = ". What was written before is intact: make room, call Index.build again with the same path, and it goes on."


class Memory:
    """Keeps what is found while the process lives."""

    def __init__(self) -> None:
        self._found: PartialIndex | None = None
        self.whole: PartialIndex | None = None

    @contextmanager
    def alone(self, waiting: Callable[[], Any]) -> Iterator[None]:
        """Nobody else knows of it."""
        yield

    @property
    def done(self) -> set[int]:
        """Pieces that are done."""
        return set(self._found.pieces) if self._found else set()

    def add(self, found: PartialIndex) -> None:
        """Keep what some pieces came to."""
        self._found = found if self._found is None else self._found.merge(found)

    def finish(self) -> PartialIndex:
        """All of it."""
        assert self._found is not None
        return self._found


class Folder:
    """Keeps what is found in a folder, and goes on where an interrupted build stopped."""

    def __init__(self, path: Path, plan: Plan, classes: Sequence[str] | None) -> None:
        self.path, self._plan, self._classes = path, plan, classes
        self._parts: dict[Path, tuple[int, ...]] = {}
        self._check()

    @contextmanager
    def alone(self, waiting: Callable[[], Any]) -> Iterator[None]:
        """Wait for another build in the same folder, and take what it has left; ``waiting`` may raise."""

        def wait() -> None:
            waiting()
            time.sleep(POLL)

        made_at(self.path)
        with alone(self.path, wait):
            self._check()
            if not (self.path / MANIFEST).exists():
                written(self.path / MANIFEST, _writer(_manifest(self._plan, self._classes)), AGAIN)
            self._parts = self._read_parts()
            yield

    def _check(self) -> None:
        if (self.path / MANIFEST).exists():
            check_same(self.path, read_manifest(self.path)[0], self._plan)
        elif self.path.exists() and not holds_only(self.path, MANIFEST):
            raise NbvizError(f"'{self.path}' holds other files and no index: choose an empty or a new folder.")

    @property
    def whole(self) -> PartialIndex | None:
        """The finished index, if it is finished; one that is damaged is made again."""
        try:
            with intact(self.path, "index"):
                found = read_found(self.path / WHOLE)
        except NbvizError:
            return None
        return found if set(found.pieces) == set(range(self._plan.pieces)) else None

    @property
    def done(self) -> set[int]:
        """Pieces that are done."""
        return {piece for pieces in self._parts.values() for piece in pieces}

    def add(self, found: PartialIndex) -> None:
        """Write what some pieces came to; merges what is there when it becomes many."""
        file = self.path / PARTS / f"{min(found.pieces):05d}-{max(found.pieces):05d}.safetensors"
        written(file, lambda to: write_found(to, found), AGAIN)
        self._parts[file] = found.pieces
        if len(self._parts) > MANY:
            together = self._merged()
            old = list(self._parts)
            self._parts = {}
            self.add(together)
            for part in old:
                if part not in self._parts:
                    part.unlink()

    def finish(self) -> PartialIndex:
        """All of it, written as one file; the parts go."""
        found = self._merged()
        written(self.path / WHOLE, lambda to: write_found(to, found), AGAIN)
        # and what was half-written there when a process ended
        shutil.rmtree(self.path / PARTS, ignore_errors=True)
        return found

    def _merged(self) -> PartialIndex:
        together: PartialIndex | None = None
        for file in sorted(self._parts):
            found = read_found(file)
            together = found if together is None else together.merge(found)
        assert together is not None
        return together

    def _read_parts(self) -> dict[Path, tuple[int, ...]]:
        from safetensors import SafetensorError

        found: dict[Path, tuple[int, ...]] = {}
        if not (self.path / PARTS).is_dir():
            return found
        for file in (self.path / PARTS).iterdir():
            try:
                found[file] = tuple(_told(file)["pieces"])
            except (SafetensorError, OSError, KeyError, ValueError):
                file.unlink()  # half-written: its pieces are done again
        # stopped between writing parts merged and removing the single ones
        for file, pieces in list(found.items()):
            if any(other != file and set(pieces) < set(more) for other, more in found.items()):
                del found[file]
                file.unlink()
        return found


def write_found(file: Path, found: PartialIndex) -> None:
    """One safetensors file."""
    from safetensors.torch import save

    told = {"pieces": found.pieces, "problems": found.problems, "left_out": found.left_out, "seen": found.seen}
    tensors = {key: found.tensors[key].contiguous() for key in sorted(found.tensors)}
    # not save_file: a full disk shall raise OSError, as everywhere
    file.write_bytes(save(tensors, {"found": json.dumps(told)}))


def read_found(file: Path) -> PartialIndex:
    """Read a file that :func:`write_found` wrote."""
    from safetensors.torch import load_file

    told = _told(file)
    problems = {int(number): sentence for number, sentence in told["problems"].items()}
    return PartialIndex(tuple(told["pieces"]), load_file(file), problems, told["left_out"], told["seen"])


def read_manifest(path: Path) -> tuple[Plan, dict[str, Any]]:
    """The plan in a folder, and the whole manifest. NbvizError where there is none, or of another format."""
    manifest = manifest_in(path, MANIFEST, "index", FORMAT)
    with intact(path, "index"):
        return Plan.from_json(manifest["plan"]), manifest


def check_same(path: Path, there: Plan, asked: Plan) -> None:
    """NbvizError where the index in a folder is not the one asked for."""
    away = "Choose another path, or remove that folder."
    if there.model != asked.model:
        raise NbvizError(f"The index in '{path}' is of another network, or of other weights of this one. {away}")
    if there.data != asked.data or there.items != asked.items:
        raise NbvizError(
            f"The index in '{path}' is of another data set ({there.items} items, here {asked.items}; "
            f"or other pictures, labels or preprocessing). {away}"
        )
    for name in ("k", "depth", "bottom", "batch"):
        has, wanted = getattr(there, name), getattr(asked, name)
        if has != wanted:
            raise NbvizError(f"The index in '{path}' has {name} {has}, not {wanted}. {away}")
    if there != asked:
        raise NbvizError(f"The index in '{path}' is of other layers, or another sample. {away}")


def _told(file: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        return json.loads(opened.metadata()["found"])


def _manifest(plan: Plan, classes: Sequence[str] | None) -> dict[str, Any]:
    import torch

    versions = {"nbviz": __version__, "torch": torch.__version__}
    return {"format": FORMAT, "plan": plan.as_json(), "versions": versions, "classes": classes}


def _writer(manifest: dict[str, Any]) -> Callable[[Path], Any]:
    return lambda to: to.write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")


def resumed(options: IndexOptions, folder: Path) -> IndexOptions:
    """Options with the batch of the build that is gone on with in a folder, unless they say another."""
    if options.batch is not None or not (folder / MANIFEST).exists():
        return options
    return replace(options, batch=read_manifest(folder)[0].batch)
