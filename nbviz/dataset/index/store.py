"""Index on disk, see :mod:`nbviz.dataset.shards.store`; its manifest also has the class names.

Tensors are named ``layer/top/values`` (channels, depth), ``…/items``, ``…/labels``, ``…/places`` (channels, k),
counted by rows, likewise ``bottom``, values negated; ``layer/sample/values`` and ``…/places`` (channels, sample).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nbviz.dataset.index.options import IndexOptions
from nbviz.dataset.index.partial import PartialIndex
from nbviz.dataset.index.plan import FORMAT, Plan
from nbviz.dataset.shards.store import AWAY, MANIFEST, Product, check_source
from nbviz.errors import NbvizError


def check_same(path: Path, old: Plan, new: Plan) -> None:
    """Raise NbvizError where the index in a folder is not the one asked for."""
    check_source("index", path, old, new)
    for name in ("k", "depth", "bottom", "batch"):
        has, needs = getattr(old, name), getattr(new, name)
        if has != needs:
            raise NbvizError(f"The index in '{path}' has {name} {has}, not {needs}. {AWAY}")
    if old != new:
        raise NbvizError(f"The index in '{path}' is of other layers, or another sample. {AWAY}")


INDEX = Product("index", "Index.build", "indexing", FORMAT, PartialIndex, Plan.from_json, check_same)


def resumed(options: IndexOptions, folder: Path) -> IndexOptions:
    """Return options with the batch of the build that is resumed in a folder, unless they say another."""
    if options.batch is not None or not (folder / MANIFEST).exists():
        return options
    return replace(options, batch=INDEX.read_manifest(folder)[0].batch)
