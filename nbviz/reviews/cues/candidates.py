"""Candidates for cues: windows that the explanations of groups of a class's pictures point at."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nbviz.attribution.baselines import baseline_of
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import Subject
from nbviz.replica.guest import Pass
from nbviz.replica.scikit_import import scikit
from nbviz.reviews.cues.transplant import BATCH
from nbviz.reviews.cues.window import Window

CELLS, FEWEST = 14, 10
"""Cells a side of the pooled maps; pictures of a group at least."""
NEIGHBOURS, GROUPS = 10, 6
"""Neighbours of a map in the graph of maps; groups of a class, at most."""
STEPS, ROUGH_STEPS = 8, 4
"""Gauss–Legendre points of integrated gradients whose shares are read, and of those that are only grouped: on both
Fashion networks these are .06 to .12 (total variation) from their limit where two pictures of a class are .60 apart.
"""


@dataclass(frozen=True, eq=False)
class Group:
    """Pictures of a class whose maps look alike."""

    members: NDArray[np.int64]
    """Rows of the class's pictures, the most typical first."""
    mean: Tensor
    """(H, W): mean of the shares that the maps give each place."""


def groups(maps: Tensor, seed: int) -> list[Group]:
    """Group maps (N, H, W) that look alike, by spectral clustering of pooled shares; no group of fewer than ten.

    On six networks with a planted mark its best group agrees with the marked pictures to F1 .65, .79, 1.00, .36, .65
    and .72; k-means with three groups, which is told how many, to .94, .76, 1.00, .35, .81 and .76. Where most of a
    class is marked the gap splits the marked ones. Groups only propose windows: what is flagged is a pattern.
    """
    # of shares, so that one picture with large values is not the group
    shares = maps / maps.sum((1, 2), keepdim=True).clamp(min=1e-12)
    found = []
    for rows in _members(pooled_shares(maps), seed):
        mean = shares[rows].mean(0)
        order = (shares[rows] - mean).abs().sum((1, 2)).argsort(stable=True).numpy()
        found.append(Group(rows[order], mean))
    return found


def pooled_shares(maps: Tensor) -> NDArray[np.float32]:
    """Return maps (N, H, W) as shares of coarse cells (N, cells)."""
    pooled = functional.adaptive_avg_pool2d(maps[:, None], CELLS).flatten(1).numpy()
    return pooled / np.maximum(pooled.sum(1, keepdims=True), 1e-12)


def _members(shares: NDArray[np.float32], seed: int) -> list[NDArray[np.int64]]:
    # too few for two groups
    if len(shares) < 2 * FEWEST:
        return [np.arange(len(shares))]
    near = scikit("neighbors").kneighbors_graph(shares, NEIGHBOURS)
    # whose neighbour a map is is not mutual, and eigvalsh reads one half of the Laplacian only
    graph = ((near + near.T) / 2).toarray()
    count = eigengap(graph, min(GROUPS, len(shares) // FEWEST))
    if count == 1:
        return [np.arange(len(shares))]
    with warnings.catch_warnings():
        # a graph in pieces is what is looked for, and no mistake of anybody's
        warnings.filterwarnings("ignore", message="Graph is not fully connected")
        spectral = scikit("cluster").SpectralClustering(
            count, affinity="precomputed", assign_labels="cluster_qr", random_state=seed
        )
        places = spectral.fit_predict(graph)
    found = [np.flatnonzero(places == group) for group in range(count)]
    return [members for members in found if len(members) >= FEWEST]


def eigengap(graph: NDArray[np.float64], most: int) -> int:
    """Return how many groups a graph (N, N) falls into, at most ``most``: where its Laplacian's eigenvalues jump."""
    from scipy.sparse.csgraph import laplacian

    values = np.linalg.eigvalsh(laplacian(graph, normed=True))
    return int(np.diff(values[: most + 1]).argmax()) + 1


def strongest(mean: Tensor, side: tuple[int, int], count: int) -> list[Window]:
    """Return the windows with the largest share of a map (H, W) that don't overlap, in order."""
    sums = functional.avg_pool2d(mean[None, None], side, stride=1)[0, 0].clone()
    found: list[Window] = []
    # one at least, of a map that is 0 throughout, too: a group is judged by some window
    while len(found) < count and bool((sums > 0).any() or not found):
        top, left = divmod(int(sums.flatten().argmax()), sums.shape[1])
        found.append((top, left, top + side[0], left + side[1]))
        sums[max(0, top - side[0] + 1) : top + side[0], max(0, left - side[1] + 1) : left + side[1]] = 0
    return found


def gradient_maps(model: InstrumentedModel, pictures: Tensor, index: int, steps: int = STEPS) -> Tensor:
    """Return (N, H, W): integrated gradients of a class from black, absolute, summed over channels, on the CPU."""
    return model.guest.steady(lambda run: _integrated(model, run, pictures, index, steps))


def answer_maps(model: InstrumentedModel, inputs: Tensor, answers: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return pooled shares of the maps of each picture's own class, (N, cells)."""
    cells = np.zeros((len(inputs), CELLS * CELLS))
    for index in np.unique(answers):  # a batch per class, for a pass has one target
        rows = np.flatnonzero(answers == index)
        cells[rows] = pooled_shares(gradient_maps(model, inputs[rows], int(index)))
    return cells


def _integrated(model: InstrumentedModel, run: Pass, pictures: Tensor, index: int, steps: int) -> Tensor:
    points, weights = np.polynomial.legendre.leggauss(steps)
    done = []
    for batch in pictures.split(BATCH):
        # few points, fixed: the maps are only grouped and ranked, and no figure is made of them
        black = baseline_of(batch[:1], "black", model.transform)
        subject, total = Subject(model, run, batch[:1], Target(index=index)), torch.zeros_like(batch)
        for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
            total += float(weight) * subject.gradient(black + float(point) * (batch - black))[1]
        done.append((total * (batch - black)).abs().sum(1).float().cpu())
    return torch.cat(done)
