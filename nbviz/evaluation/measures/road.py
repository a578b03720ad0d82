"""ROAD: remove and debias. Pixels are replaced by what their neighbours suggest, not by a colour or a blur.

Rong et al. 2022 (arXiv:2202.00449): removed pixels are solved for so that each is a weighted mean of its eight
neighbours, plus a little noise; the shape of what was removed then tells the network as little as can be.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from nbviz.evaluation.base import Curve, Map, Steps, all_scores
from nbviz.evaluation.registry import Case, measure
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.pictures.picture import PictureLike

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
"""Of the pixels that are removed."""
NOISE = 0.01
"""Noise on what is solved for, of the standard deviation of the pixels that are left."""
_NEIGHBOURS = [(i, j, 1 / 12 if i and j else 1 / 6) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
"""Steps down and right to each neighbour, and its weight: the paper's, which sum to 1."""


def road(
    model: InstrumentedModel,
    picture: PictureLike,
    target: Target,
    judged: Map,
    shares: tuple[float, ...] = SHARES,
    least: bool = False,
    seed: int = 0,
) -> Steps[Curve]:
    """Compute the score as the pixels that matter most (``least``: least) are imputed, a growing share of them.

    A low area speaks for the map; ``least``, a high one. Ties are broken by position.
    """
    x = model.input(picture)
    heat = judged.heat((x.shape[2], x.shape[3])).double().cpu().flatten()
    order = heat.argsort(descending=not least, stable=True)

    def batches() -> Iterator[torch.Tensor]:
        yield x
        for share in shares:
            removed = torch.zeros(len(order), dtype=torch.bool, device="cpu")
            removed[order[: round(share * len(order))]] = True
            yield imputed(x, removed.view(x.shape[2], x.shape[3]), seed)

    scores = yield from all_scores(model, target, batches)
    return Curve(torch.tensor((0.0, *shares), dtype=torch.float64, device="cpu"), scores)


def imputed(x: torch.Tensor, removed: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Return a picture (1, C, H, W) with the pixels of a mask (H, W) solved for from their neighbours.

    Direct neighbours weigh 1/6, diagonal ones 1/12, those beyond the edge nothing; noise of ``NOISE`` of
    their standard deviation is added to what was solved for.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import spsolve

    mask = removed.cpu().numpy()
    # a copy: numpy shares the CPU's memory with the tensor, which is the caller's
    pixels = x[0].detach().double().cpu().numpy().copy()
    if not mask.any():
        return x
    if mask.all():  # nothing is left to solve from
        return x.mean((2, 3), keepdim=True).expand_as(x).clone()
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(mask.sum())
    rows, columns = np.nonzero(mask)
    matrix, right = _system(pixels, number, rows, columns)
    size = len(rows)
    # one factorisation for all colours: their right-hand sides are columns
    solved = spsolve(csr_matrix((matrix[2], (matrix[0], matrix[1])), (size, size)).tocsc(), right)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(size, len(pixels), generator=generator, dtype=torch.float64, device="cpu")
    pixels[:, rows, columns] = (solved.reshape(size, -1) + NOISE * pixels[:, ~mask].std() * noise.numpy()).T
    return torch.from_numpy(pixels)[None].to(x)


def _system(
    pixels: np.ndarray, number: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """One equation a removed pixel: its value less the weighted mean of its removed neighbours is that of the kept."""
    own = np.arange(len(rows))
    total, right = np.zeros(len(rows)), np.zeros((len(rows), len(pixels)))
    entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for down, across, weight in _NEIGHBOURS:
        i, j = rows + down, columns + across
        inside = (i >= 0) & (i < number.shape[0]) & (j >= 0) & (j < number.shape[1])
        total += weight * inside
        other = np.full(len(rows), -1)
        other[inside] = number[i[inside], j[inside]]
        inner, outer = inside & (other >= 0), inside & (other < 0)
        entries.append((own[inner], other[inner], np.full(inner.sum(), -weight)))
        right[outer] += weight * pixels[:, i[outer], j[outer]].T
    entries.append((own, own, total))
    across_all = tuple(np.concatenate(part) for part in zip(*entries, strict=True))
    return (across_all[0], across_all[1], across_all[2]), right


@measure("road", cost=len(SHARES), default=False)
def _measure(case: Case) -> Steps[float]:
    """Mean score as the pixels that matter most are imputed, most first; low speaks for the map."""
    curve = yield from road(case.model, case.picture, case.target, case.map)
    return curve.area
