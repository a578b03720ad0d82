"""Which methods run on which networks, and why not where not: the table in ``notebooks/reference/coverage.md``.

    python -m tests.bench.coverage [NAMES …] [--kept FILE] [--out notebooks/reference/coverage.md]

Names choose networks whose name contains one of them. Every network's row is kept in ``--kept`` as soon as it is
there and is not computed again, so a run may be stopped; a row that crashed is. ``--out`` writes what is kept.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import traceback
from pathlib import Path
from typing import Any

import torch

import nbviz
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from tests.bench.coverage_networks import Entry, entries
from tests.bench.coverage_table import markdown
from tests.networks import state_hash
from tests.task_networks import with_nms

Row = dict[str, Any]
CHEAP = {"samples": 2, "maximum": 8, "masks": 8, "baselines": "black, mean"}
"""Options that make a method quick, by name: what runs is asked here, not how well."""


def covered(entry: Entry) -> Row:
    """What one network gives: its size, layers, each method's outcome, and whether it was left as it was."""
    with with_nms():  # detectors need it; where torchvision has its own, that one is used
        return _covered(entry)


def _covered(entry: Entry) -> Row:
    started = time.perf_counter()
    net, picture = entry.built()
    before = state_hash(net)
    model = InstrumentedModel(net, name=entry.name)
    row: Row = {
        "group": entry.group,
        "name": entry.name,
        "input": list(picture.shape[1:]),
        "parameters": sum(p.numel() for p in net.parameters()),
        **_opened(model, picture),
        "methods": {method: _outcome(model, picture, method) for method in nbviz.METHODS},
    }
    row["untouched"] = state_hash(net) == before
    row["seconds"] = round(time.perf_counter() - started, 1)
    return row


def _opened(model: InstrumentedModel, picture: torch.Tensor) -> Row:
    """What the Explorer asks first: layers, and the evidence in every layer."""
    try:
        model.trace(picture)
        layers = [layer for layer in model.layers().walk() if layer.name]
        evidence(model, picture, Target.ensure("predicted", model))
    except Exception as error:
        return {"opens": _said(error)}
    seen = [layer for layer in layers if layer.shape is not None]
    return {"opens": "", "layers": len(layers), "seen": len(seen), "spatial": sum(bool(x.places) for x in layers)}


def _outcome(model: InstrumentedModel, picture: torch.Tensor, method: str) -> str:
    """The map's status, or why there is none."""
    half = max(1, min(picture.shape[2:]) // 2)
    known = {**CHEAP, "window": half, "stride": half}
    options = {o.name: known[o.name] for o in nbviz.METHODS[method].options if o.name in known}
    try:
        return str(nbviz.attribute(model, picture, "predicted", method, **options).facts["status"])
    except Exception as error:
        return _said(error)


def _said(error: Exception) -> str:
    """A refusal's sentence; anything else is a crash, and its last calls are printed."""
    if isinstance(error, nbviz.NbvizError):
        return f"refused: {error}"
    traceback.print_exception(error, limit=-4)
    return f"crashed: {type(error).__name__}: {error}"


def crashed(row: Row) -> bool:
    """Whether anything but a sentence came out."""
    return any(said.startswith("crashed") for said in (row["opens"], *row["methods"].values()))


def complete(row: Row | None) -> bool:
    """Whether a kept row needs no computing: every method of today is in it, none crashed, nothing was touched."""
    return row is not None and list(row["methods"]) == list(nbviz.METHODS) and not crashed(row) and row["untouched"]


def collect(names: list[str], kept: Path, again: bool = False) -> dict[str, Row]:
    """Rows of the chosen networks and of those known before, in the order of :func:`entries`."""
    rows: dict[str, Row] = json.loads(kept.read_text()) if kept.exists() else {}
    for entry in entries():
        chosen = not names or any(name in entry.key for name in names)
        if not chosen or (complete(rows.get(entry.key)) and not again):
            continue
        rows[entry.key] = covered(entry)
        gc.collect()
        kept.write_text(json.dumps(rows, indent=1))
        print(_line(rows[entry.key]), flush=True)
    return {entry.key: rows[entry.key] for entry in entries() if entry.key in rows}


def _line(row: Row) -> str:
    refused = sum(said.startswith("refused") for said in row["methods"].values())
    marks = ("CRASHED" if crashed(row) else "") + ("" if row["untouched"] else " TOUCHED") + row["opens"]
    size = "×".join(map(str, row["input"]))
    return f"{row['group']:<12} {row['name']:<32} {size:<10} {refused:2} refused {row['seconds']:6.1f} s {marks}"


def main() -> None:
    """Compute what is missing; write the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--kept", type=Path, default=Path("build/coverage.json"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--again", action="store_true", help="compute rows anew")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.kept.parent.mkdir(parents=True, exist_ok=True)
    rows = collect(asked.names, asked.kept, asked.again)
    if asked.out is not None:
        asked.out.write_text(markdown(list(rows.values())))


if __name__ == "__main__":
    main()
