"""Stability: how little the map moves when the picture moves by two grey levels, which nobody can see.

A fact, not a verdict: the steadiest map of all, plain edges, knows nothing of the network.
"""

from __future__ import annotations

from statistics import mean

import torch

from nbviz.evaluation.base import Explain, Map, Steps, final
from nbviz.evaluation.maps import empty, spearman, strength
from nbviz.evaluation.registry import Case, measure
from nbviz.model.edit import without_picture_edits
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

LEVELS, DRAWS = 2, 2
"""Grey levels of 255 by which pixels move, at most; pictures that are moved."""


def stability(
    model: InstrumentedModel, picture: PictureLike, target: Target, judged: Map, explain: Explain
) -> Steps[float | None]:
    """Return the mean Spearman of the maps' strength over draws of uniform noise in ±2 of 255; None without a map."""
    x = model.input(picture)
    correlations: list[float] = []
    for seed in range(0 if empty(judged) else DRAWS):
        generator = torch.Generator().manual_seed(seed)
        noise = torch.rand(x.shape, generator=generator, dtype=torch.float64, device="cpu").to(x)
        moved = x + (2 * noise - 1) * LEVELS * level(model, x)
        # the edited picture moved: what edits it must not be made on it again
        against = yield from final(explain(without_picture_edits(model), moved, target))
        correlation = None if empty(against) else spearman(strength(judged), strength(against))
        correlations += [] if correlation is None else [correlation]
    return mean(correlations) if correlations else None


def level(model: InstrumentedModel, x: torch.Tensor) -> torch.Tensor:
    """Return one of 255 grey levels in units of each channel of the network's input, (1, C, 1, 1)."""
    black, white = (model.transform.constant(x, (shade,) * 3) for shade in (0.0, 1.0))
    span = (white - black).abs().amax((2, 3), keepdim=True)
    # where tensors are given as they are, their own range stands for a picture's
    return (span if bool(span.any()) else x.amax() - x.amin()) / 255


@measure("stability", methods_only=True, cost=DRAWS, progress="moving the picture by two grey levels")
def _measure(case: Case) -> Steps[float | None]:
    """Rank correlation of the map with those of the picture moved by up to two grey levels; 1 is the same."""
    assert case.explain is not None
    return stability(case.model, case.picture, case.target, case.map, case.explain)
