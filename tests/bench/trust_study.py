"""What the four verdicts say of true maps, of maps that know nothing, and of a wrong class's.

    python -m tests.bench.trust_study FOLDER [--out study.pt] [--sanity 10] [--page notebooks/reference/trust.md]

Photographs: those of ``nbviz.zoo``, scikit-learn's two where it is installed, and a folder's. Network: the
embedded one, its predicted class. Collecting takes minutes a photograph on one core and is kept in ``--out``
after every step; what is there is not computed again, so a study may be stopped, and its tables drawn at any time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

import nbviz
from nbviz.attribution import explain
from nbviz.evaluation import Hidings, Map, Verdict, hidings, settle, these_weights
from nbviz.evaluation.base import final
from nbviz.evaluation.maps import cell_sums, spearman, spoken, strength
from nbviz.evaluation.measures.this_class import unrelated
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.pictures.load import Picture
from tests.bench.trust_page import page
from tests.bench.trust_tables import tables

METHODS: dict[str, dict[str, Any]] = {
    "occlusion": {"window": 48, "stride": 24, "fill": "blur"},
    "rise": {"masks": 300},
    "smoothgrad": {"samples": 25},
    "grad_cam": {},
    "guided_backprop": {},
    "integrated_gradients": {"tolerance": 0.2},
    "saliency": {},
    "input_x_gradient": {},
    "layer_cam": {},
    "hires_cam": {},
    "guided_grad_cam": {},
}
SLOW = ("rise", "occlusion")
"""Not asked again with other weights: minutes a photograph."""
SHIPPED = {
    "skimage": ["data/motorcycle_left.png"],
    "sklearn": ["datasets/images/china.jpg", "datasets/images/flower.jpg"],
}


def photographs(folder: Path | None) -> dict[str, Picture]:
    """Name → picture, those that come with other packages first."""
    found: dict[str, Any] = dict(nbviz.zoo.photographs())
    for package, files in SHIPPED.items():
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            found |= {Path(file).stem: Path(spec.origin).parent / file for file in files}
    if folder is not None:
        found |= {path.stem: path for path in sorted(folder.glob("*.jpg"))}
    return {name: as_picture(image) for name, image in found.items()}


class Study:
    """What was collected, kept in a file."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.kept: dict[Any, Any] = torch.load(out, weights_only=False) if out.exists() else {}
        self.model: InstrumentedModel = nbviz.zoo.load("efficientnet_lite0")

    def known(self, key: Any, compute: Any) -> Any:
        """What was computed under a key, now or earlier."""
        if key not in self.kept:
            started = time.process_time()
            self.kept[key] = compute()
            torch.save(self.kept, self.out)
            print(key, f"{time.process_time() - started:.1f} s", flush=True)
        return self.kept[key]

    def classes(self, picture: Picture) -> tuple[Target, Target]:
        """The predicted class and an unrelated one."""
        logits = self.model.logits(picture)
        target = Target(int(logits.argmax()))
        other = unrelated(logits, target)
        assert other is not None
        return target, Target(other)

    def map(self, picture: Picture, target: Target, method: str) -> Map:
        return settle(final(explain(self.model, picture, target, method, None, **METHODS[method])))

    def hiding(self, name: str, picture: Picture) -> None:
        """The forwards, and every map's cells."""
        target, _ = self.classes(picture)
        found: Hidings = self.known((name, "hidings"), lambda: list(hidings(self.model, picture, target))[-1])
        for method in METHODS:
            self.known((name, method, "cells"), lambda m=method: self.cells(self.map(picture, target, m), found))

    def cells(self, found: Map, hidden: Hidings) -> dict[str, Any]:
        """A map in cells, and its facts."""
        return {"cells": cell_sums(spoken(found), hidden.size, hidden.cells), "facts": found.facts}

    def sanity(self, name: str, picture: Picture) -> None:
        """Maps of an unrelated class and of redrawn weights: how alike they are to the predicted class's."""
        target, other = self.classes(picture)
        for method in METHODS:
            if (name, method, "class") in self.kept and (name, method, "weights") in self.kept:
                continue
            one = self.map(picture, target, method)
            self.known((name, method, "class"), lambda m=method, o=one: self.of_class(name, picture, other, m, o))
            if method not in SLOW:
                self.known((name, method, "weights"), lambda m=method, o=one: self.redrawn(picture, target, m, o))

    def of_class(self, name: str, picture: Picture, other: Target, method: str, one: Map) -> dict[str, Any]:
        """How alike another class's map is, and whether it passes for the predicted one's."""
        two = self.map(picture, other, method)
        return {"alike": spearman(strength(one), strength(two)), **self.cells(two, self.kept[name, "hidings"])}

    def redrawn(self, picture: Picture, target: Target, method: str, one: Map) -> Verdict:
        """The verdict on these weights."""

        def again(model: InstrumentedModel, image: Any, aim: Target) -> Iterator[Map]:
            return explain(model, image, aim, method, None, **METHODS[method])

        return settle(these_weights(self.model, picture, target, one, again))


def main() -> None:
    """Collect what is not there yet, then draw the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, default=Path("trust_study.pt"))
    parser.add_argument("--sanity", type=int, default=10, help="photographs shown to other classes and weights")
    parser.add_argument("--tables", action="store_true", help="only draw the tables of what is there")
    parser.add_argument("--page", type=Path, help="where to write them with what they say")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    study = Study(asked.out)
    if not asked.tables:
        pictures = photographs(asked.folder)
        for step, count in ((study.hiding, None), (study.sanity, asked.sanity)):
            for name, picture in list(pictures.items())[:count]:
                step(name, picture)
    print(tables(study.kept))
    if asked.page is not None:
        asked.page.write_text(page(study.kept))


if __name__ == "__main__":
    main()
