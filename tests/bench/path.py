"""Integrated gradients at its defaults against very many evaluations, on the five photographs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import median

import torch

import nbviz

REFERENCE = int(os.environ.get("NBVIZ_EVALUATIONS", "2000"))
PHOTOGRAPHS = ("cat", "coffee", "astronaut", "rocket", "cameraman")


def rows() -> Iterator[str]:
    """A line a photograph: true and estimated error of the map, evaluations; then the median."""
    model = nbviz.zoo.load()
    photographs = nbviz.zoo.photographs()
    calls = []
    for name in PHOTOGRAPHS:
        found = nbviz.attribute(model, photographs[name])
        exact = nbviz.attribute(model, photographs[name], rule="gausslegendre", steps=REFERENCE).values
        error = float((found.values - exact).abs().sum() / exact.abs().sum())
        calls.append(found.facts["calls"])
        stated = found.facts["map_error"]
        late = " !" if error > 0.05 or stated < error / 1.2 else ""
        yield (
            f"integrated gradients, {name:<10} true error {error:6.2%}  stated {stated:6.2%}  "
            f"stated/true {stated / error:4.2f}  {calls[-1]} evaluations{late}"
        )
    yield f"integrated gradients, median {median(calls)} evaluations (≤ 60), against {REFERENCE}; {torch.__version__}"
