"""What the four verdicts say of true maps, of maps that know nothing, and of a wrong class's.

    python -m tests.bench.trust_study FOLDER [--out study.pt] [--weights 10]

Photographs: those of ``nbviz.zoo``, scikit-learn's two where it is installed, and a folder's. Network: the
embedded one, its predicted class. Collecting takes minutes a photograph on one core and is kept in ``--out``
after every step; what is there is not computed again, so a study may be stopped, and its tables drawn at any time.
"""

from __future__ import annotations

import argparse
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

import nbviz
from nbviz.attribution import explain
from nbviz.evaluation import Hidings, Map, hidings, settle, these_weights
from nbviz.evaluation.base import final
from nbviz.evaluation.classes import unrelated
from nbviz.evaluation.maps import cell_sums, spearman, spoken, strength
from nbviz.tensors.instrumented import InstrumentedModel, as_picture
from nbviz.tensors.pictures import Picture
from nbviz.tensors.target import Target
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

    def other_class(self, name: str, picture: Picture) -> None:
        """Maps of an unrelated class: how alike they are, and whether they pass for the predicted one's."""
        target, other = self.classes(picture)

        def compare(method: str) -> dict[str, Any]:
            one, two = (self.map(picture, t, method) for t in (target, other))
            return {"alike": spearman(strength(one), strength(two)), **self.cells(two, self.kept[name, "hidings"])}

        for method in METHODS:
            self.known((name, method, "class"), lambda m=method: compare(m))

    def weights(self, name: str, picture: Picture) -> None:
        """How alike maps are after the last weights were redrawn."""
        target, _ = self.classes(picture)

        def redraw(method: str) -> Any:
            def again(model: InstrumentedModel, image: Any, aim: Target) -> Any:
                return explain(model, image, aim, method, None, **METHODS[method])

            judged = self.map(picture, target, method)
            return settle(these_weights(self.model, picture, target, judged, again))

        for method in METHODS:
            self.known((name, method, "weights"), lambda m=method: redraw(m))


def main() -> None:
    """Collect what is not there yet, then draw the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, default=Path("trust_study.pt"))
    parser.add_argument("--weights", type=int, default=10, help="photographs whose weights are redrawn")
    parser.add_argument("--tables", action="store_true", help="only draw the tables of what is there")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    study = Study(asked.out)
    if not asked.tables:
        pictures = photographs(asked.folder)
        for step, count in ((study.hiding, None), (study.other_class, None), (study.weights, asked.weights)):
            for name, picture in list(pictures.items())[:count]:
                step(name, picture)
    print(tables(study.kept))


if __name__ == "__main__":
    main()
