"""Deletion and insertion curves: the score as what matters most is hidden first, or shown first.

Petsiuk et al. 2018 (arXiv:1806.07421). On one picture they do not tell true maps from controls, so they are never
shown without them and give no verdict. Cells, not pixels, are hidden, by blur: deleting single pixels attacks the
network more than it asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from nbviz.evaluation.base import Curve, Steps, all_scores, scored
from nbviz.evaluation.controls import centre, edges, random_like
from nbviz.evaluation.maps import cell_sums, hidden, partly_hidden
from nbviz.evaluation.registry import Case, measure
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

CELLS, STEPS, RANDOMS = 14, 7, 3
"""Cells a side; steps of a curve, of which fifteen tell no more than seven; random maps beside it."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Deletion and insertion curve of one map."""

    deletion: Curve
    insertion: Curve


def curves(
    model: InstrumentedModel,
    picture: PictureLike,
    target: Target,
    maps: dict[str, torch.Tensor],
    known: torch.Tensor | None = None,
) -> Steps[dict[str, Curves]]:
    """Compute the curves of each map (name → (h, w), high matters most) over one picture; all have the same ends.

    known: what :func:`ends` gave for the picture, where it was asked before.
    """
    x = model.input(picture)
    size = (x.shape[2], x.shape[3])
    cells = (min(CELLS, size[0]), min(CELLS, size[1]))
    shares = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64, device="cpu")
    strengths = [cell_sums(values, size, cells).flatten() for values in maps.values()]
    # stable: of equal cells the first, on every machine the same
    orders = [strength.argsort(descending=True, stable=True) for strength in strengths]
    # without the ends, which are alike for every map: all of the picture, and nothing
    first = torch.stack([mask.view(cells) for order in orders for mask in _first(order, shares[1:-1])])
    both = [torch.ones_like(first[:1]), torch.zeros_like(first[:1])] if known is None else []
    # all maps and both curves in one sweep: batches are full, and one version of the weights answers all
    masks = torch.cat([*both, 1 - first, first])
    scores = yield from all_scores(model, target, lambda: partly_hidden(x, masks))
    scores = scores if known is None else torch.cat([known, scores])
    return dict(zip(maps, _read(scores, shares, len(maps)), strict=True))


def ends(model: InstrumentedModel, picture: PictureLike, target: Target) -> Iterator[torch.Tensor]:
    """Return the scores (2,) with nothing hidden and with everything: where every map's curves begin and end."""
    x = model.input(picture)
    yield from scored(model, target, lambda: iter([torch.cat([x, hidden(x)])]))


def controls(picture: torch.Tensor, like: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the maps beside which curves are shown; random ones smooth as ``like`` (h, w). picture: (1, C, H, W)."""
    size = (picture.shape[2], picture.shape[3])
    random = {f"random {seed + 1}": random_like(like, seed) for seed in range(RANDOMS)}
    return {**random, "edges": edges(picture), "centre": centre(size)}


def _first(order: torch.Tensor, shares: torch.Tensor) -> Iterator[torch.Tensor]:
    """Return masks (cells,) that are 1 in the first cells of an order, one a share."""
    for share in shares.tolist():
        mask = torch.zeros(len(order), dtype=torch.float32, device="cpu")
        mask[order[: round(share * len(order))]] = 1
        yield mask


def _read(scores: torch.Tensor, shares: torch.Tensor, count: int) -> Iterator[Curves]:
    whole, nothing = scores[:1], scores[1:2]
    deleted, inserted = scores[2:].view(2, count, -1)
    for down, up in zip(deleted, inserted, strict=True):
        yield Curves(Curve(shares, torch.cat([whole, down, nothing])), Curve(shares, torch.cat([nothing, up, whole])))


@measure("curves", common=ends, cost=2 * STEPS)
def _measure(case: Case) -> Steps[dict[str, float]]:
    """Mean score as what matters most is hidden first (deletion), and shown first (insertion)."""
    maps = {"map": case.map.heat()}
    result = yield from curves(case.model, case.picture, case.target, maps, case.common)
    return {"deletion": result["map"].deletion.area, "insertion": result["map"].insertion.area}
