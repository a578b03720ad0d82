"""Integrated gradients at its defaults, on three trained architectures and ten pictures each.

Its true error, that is against very many evaluations, the error it states, and how many evaluations a Gauss–Legendre
rule needs for the same true error: its nodes, and the path's two ends, whose scores the residual needs.
``NBVIZ_PICTURES`` and ``NBVIZ_BENCH`` make it shorter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import torch

import nbviz

REFERENCE = int(os.environ.get("NBVIZ_EVALUATIONS", "800"))
PICTURES = int(os.environ.get("NBVIZ_PICTURES", "10"))
NETWORKS = os.environ.get("NBVIZ_BENCH", "fashion_cnn fashion_vit efficientnet_lite0").split()
MORE = ("coins.png", "clock_motion.png", "hubble_deep_field.jpg", "motorcycle_left.png", "retina.jpg")
"""More of scikit-image's photographs beside the zoo's five."""
ENDS = 2


def rows() -> Iterator[str]:
    """A line a picture, then one a network."""
    for name in NETWORKS:
        model, found = nbviz.zoo.load(name), list[tuple[float, float, int, int]]()
        for picture, image in list(_pictures(name).items())[:PICTURES]:
            found.append(_measured(model, image))
            yield _line(f"{name}, {picture}", *found[-1])
        late = sum(calls > rule for _, _, calls, rule in found)
        yield (
            f"{name}: median {median(calls for _, _, calls, _ in found):g} evaluations, Gauss–Legendre "
            f"{median(rule for *_, rule in found):g}; more than that on {late} of {len(found)}; "
            f"against {REFERENCE}; torch {torch.__version__}"
        )


def _pictures(name: str) -> dict[str, Any]:
    if name.startswith("fashion"):
        shown = nbviz.zoo.fashion()
        return {f"picture {37 * i}": shown[37 * i][0] for i in range(10)}
    spec = find_spec("skimage")
    folder = Path(spec.origin or "").parent / "data" if spec is not None else Path()
    return {**nbviz.zoo.photographs(), **{Path(file).stem: folder / file for file in MORE}}


def _measured(model: nbviz.InstrumentedModel, image: Any) -> tuple[float, float, int, int]:
    """True error, stated error, evaluations, and those of the fixed rule with the same true error."""
    found, exact = nbviz.attribute(model, image), _fixed(model, image, min(500, REFERENCE))
    if REFERENCE > 500:
        # two rules with different nodes, weighed by their numbers: the method takes no more steps than 500
        other = _fixed(model, image, REFERENCE - 500)
        exact = (500 * exact + (REFERENCE - 500) * other) / REFERENCE
    error = _error(found.values, exact)
    return error, float(found.facts["map_error"]), int(found.facts["calls"]), _steps(model, image, exact, error) + ENDS


def _steps(model: nbviz.InstrumentedModel, image: Any, exact: torch.Tensor, error: float) -> int:
    """The fewest steps of the fixed rule with no more error, found by halving."""
    low, high = 1, 128
    while high - low > 1:
        middle = (low + high) // 2
        if _error(_fixed(model, image, middle), exact) <= error:
            high = middle
        else:
            low = middle
    return high


def _fixed(model: nbviz.InstrumentedModel, image: Any, steps: int) -> torch.Tensor:
    return nbviz.attribute(model, image, rule="gausslegendre", steps=steps).values.double()


def _error(one: torch.Tensor, exact: torch.Tensor) -> float:
    return float((one - exact).abs().sum() / exact.abs().sum())


def _line(what: str, error: float, stated: float, calls: int, rule: int) -> str:
    late = " !" if error > 0.05 or stated < error / 1.2 or calls > rule else ""
    return (
        f"integrated gradients, {what:<34} true error {error:6.2%}  stated {stated:6.2%}  "
        f"{calls:3} evaluations, Gauss–Legendre {rule:3}{late}"
    )
