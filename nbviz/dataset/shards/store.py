"""Store of a pass on disk: a manifest in JSON, parts while it runs, one safetensors file when it is done.

::

    manifest.json       format, plan (network's and data set's digests …), versions, and what the product adds
    parts/*.safetensors what some pieces came to; their metadata say which pieces and what was left out
    NAME.safetensors    the whole, once complete; its metadata as a part's

Every file is written beside its name and moved there, so a half-written one is never read; a part that can't be
read is done again. One pass works in a folder at a time: another waits, and goes on with what the first has left.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from nbviz.dataset.files import alone, holds_only, intact, make_folder, manifest_in, write_whole
from nbviz.dataset.shards.job import PartT, PlanT
from nbviz.errors import NbvizError
from nbviz.version import __version__

MANIFEST, PARTS = "manifest.json", "parts"
MANY = 8
POLL = 0.2
"""Seconds between looks at whether another pass in the same folder has ended."""


@dataclass(frozen=True)
class Product(Generic[PlanT, PartT]):
    """Names and kinds of a pass's results."""

    name: str
    """A noun: "index"."""
    call: str
    """The function that makes it, for sentences: "Index.build"."""
    activity: str
    """For the progress bar: "indexing"."""
    format: int
    part: type[PartT]
    plan: Callable[[dict[str, Any]], PlanT]
    """From the manifest's JSON to a plan."""
    check: Callable[[Path, PlanT, PlanT], None]
    """(folder, the plan there, the plan asked for): raises NbvizError where they differ."""

    @property
    def whole(self) -> str:
        """Name of the file that has everything."""
        return f"{self.name}.safetensors"

    @property
    def advice(self) -> str:
        """End of a sentence about a full disk."""
        return f". What was written before is intact: make room, call {self.call} again with this path, and it goes on."

    def read_manifest(self, path: Path) -> tuple[PlanT, dict[str, Any]]:
        """Read the plan in a folder, and the whole manifest. NbvizError where there is none, or of another format."""
        manifest = manifest_in(path, MANIFEST, self.name, self.format)
        with intact(path, self.name):
            return self.plan(manifest["plan"]), manifest

    def read(self, file: Path) -> PartT:
        """Read a file that :func:`write_part` wrote."""
        from safetensors.torch import load_file

        facts = _facts(file)
        problems = {int(number): sentence for number, sentence in facts["problems"].items()}
        return self.part(tuple(facts["pieces"]), load_file(file), problems, facts["left_out"], facts["seen"])


def check_source(product: str, path: Path, old: PlanT, new: PlanT) -> None:
    """Raise NbvizError where a folder is of another network or data set than is asked for."""
    if old.model != new.model:
        raise NbvizError(f"The {product} in '{path}' is of another network, or of other weights of this one. {AWAY}")
    if old.data != new.data or old.items != new.items:
        raise NbvizError(
            f"The {product} in '{path}' is of another data set ({old.items} items, here {new.items}; "
            f"or other pictures, labels or preprocessing). {AWAY}"
        )


AWAY = "Choose another path, or remove that folder."


class Memory(Generic[PartT]):
    """Store of a pass in memory, for as long as the process lives."""

    def __init__(self) -> None:
        self._part: PartT | None = None
        self.whole: PartT | None = None

    @contextmanager
    def alone(self, waiting: Callable[[], Any]) -> Iterator[None]:  # noqa: ARG002 - as a folder's
        """Return at once: nobody else uses this store."""
        yield

    @property
    def done(self) -> set[int]:
        """Numbers of the pieces that are done."""
        return set(self._part.pieces) if self._part else set()

    def add(self, part: PartT) -> None:
        """Keep a part: the results of some pieces."""
        self._part = part if self._part is None else self._part.merge(part)

    def finish(self) -> PartT:
        """Return all parts merged."""
        assert self._part is not None
        return self._part


class Folder(Generic[PlanT, PartT]):
    """Store of a pass in a folder, which resumes where an interrupted pass stopped."""

    def __init__(
        self, path: Path, product: Product[PlanT, PartT], plan: PlanT, more: Mapping[str, Any] | None = None
    ) -> None:
        """more: what the manifest says besides format, plan and versions."""
        self.path, self._product, self._plan, self._more = path, product, plan, dict(more or {})
        self._parts: dict[Path, tuple[int, ...]] = {}
        self._check()

    @contextmanager
    def alone(self, waiting: Callable[[], Any]) -> Iterator[None]:
        """Wait for another build in the same folder, and take over its parts; ``waiting`` may raise."""

        def wait() -> None:
            waiting()
            time.sleep(POLL)

        make_folder(self.path)
        with alone(self.path, wait):
            self._check()
            if not (self.path / MANIFEST).exists():
                write_whole(self.path / MANIFEST, self._write_manifest, self._product.advice)
            self._parts = self._read_parts()
            yield

    def _check(self) -> None:
        if (self.path / MANIFEST).exists():
            self._product.check(self.path, self._product.read_manifest(self.path)[0], self._plan)
        elif self.path.exists() and not holds_only(self.path, MANIFEST):
            raise NbvizError(
                f"'{self.path}' holds other files and no {self._product.name}: choose an empty or a new folder."
            )

    @property
    def whole(self) -> PartT | None:
        """The finished whole, if it is finished; one that is damaged is made again."""
        try:
            with intact(self.path, self._product.name):
                part = self._product.read(self.path / self._product.whole)
        except NbvizError:
            return None
        # a whole of fewer pieces is of a plan that was cut otherwise
        return part if set(part.pieces) == set(range(self._plan.pieces)) else None

    @property
    def done(self) -> set[int]:
        """Numbers of the pieces that are done."""
        return {piece for pieces in self._parts.values() for piece in pieces}

    def add(self, part: PartT) -> None:
        """Write a part; merges the parts there when they become many."""
        file = self.path / PARTS / f"{min(part.pieces):05d}-{max(part.pieces):05d}.safetensors"
        write_whole(file, lambda to: write_part(to, part), self._product.advice)
        self._parts[file] = part.pieces
        if len(self._parts) > MANY:
            # merged now and then: a merge is as large for one piece as for many, and a file for each would be hundreds
            together = self._merged()
            old = list(self._parts)
            self._parts = {}
            self.add(together)
            for single in old:
                # the merged file may have the name of one of them
                if single not in self._parts:
                    single.unlink()

    def finish(self) -> PartT:
        """Write all parts merged as one file, and delete the parts."""
        part = self._merged()
        write_whole(self.path / self._product.whole, lambda to: write_part(to, part), self._product.advice)
        # and what was half-written there when a process ended
        shutil.rmtree(self.path / PARTS, ignore_errors=True)
        return part

    def _merged(self) -> PartT:
        together: PartT | None = None
        for file in sorted(self._parts):
            part = self._product.read(file)
            together = part if together is None else together.merge(part)
        assert together is not None
        return together

    def _read_parts(self) -> dict[Path, tuple[int, ...]]:
        from safetensors import SafetensorError

        parts: dict[Path, tuple[int, ...]] = {}
        if not (self.path / PARTS).is_dir():
            return parts
        for file in (self.path / PARTS).iterdir():
            try:
                parts[file] = tuple(_facts(file)["pieces"])
            except (SafetensorError, OSError, KeyError, ValueError):
                file.unlink()  # half-written: its pieces are done again
        # stopped between writing parts merged and removing the single ones
        for file, pieces in list(parts.items()):
            if any(other != file and set(pieces) < set(more) for other, more in parts.items()):
                del parts[file]
                file.unlink()
        return parts

    def _write_manifest(self, to: Path) -> None:
        import torch

        versions = {"nbviz": __version__, "torch": torch.__version__}
        manifest = {"format": self._product.format, "plan": self._plan.as_json(), "versions": versions, **self._more}
        to.write_text(json.dumps(manifest, indent=1, ensure_ascii=False), "utf-8")


def write_part(file: Path, part: PartT) -> None:
    """Write one part as a safetensors file."""
    from safetensors.torch import save

    facts = {"pieces": part.pieces, "problems": part.problems, "left_out": part.left_out, "seen": part.seen}
    tensors = {key: part.tensors[key].contiguous() for key in sorted(part.tensors)}
    # not save_file: a full disk shall raise OSError, as everywhere
    file.write_bytes(save(tensors, {"found": json.dumps(facts)}))


def _facts(file: Path) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        return json.loads(opened.metadata()["found"])
