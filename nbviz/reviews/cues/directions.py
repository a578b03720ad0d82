"""Principal directions of what each feature adds to a class's score: reasons for which the class is said.

Each direction's share, the mean and the bias sum to the score exactly, so a share is read in units of the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from nbviz.arrays import array_of
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.guest import Pass
from nbviz.replica.hooks import modules_of
from nbviz.reviews.records.records import Records


@dataclass(frozen=True, eq=False)
class Directions:
    """Directions of a class, the one with the largest spread first."""

    items: NDArray[np.int64]
    """(N,): pictures that are said to be the class."""
    shares: NDArray[np.float64]
    """(N, directions): what each adds to the score of each picture, less the mean."""
    rest: NDArray[np.float64]
    """(N,): what all further directions add."""
    mean: float
    """Sum over features of weight × mean feature, over those pictures."""
    bias: float
    explained: NDArray[np.float64]
    """(directions,): share of the spread of weight × feature."""
    vectors: NDArray[np.float64]
    """(directions, features): of length one."""

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores of the class, (N,), as the parts sum to them."""
        return self.mean + self.bias + self.shares.sum(1) + self.rest

    def most(self, direction: int, count: int = 9) -> NDArray[np.int64]:
        """Return the items to whose score a direction adds most, the first the most."""
        return self.items[np.argsort(-self.shares[:, direction], kind="stable")[:count]]


def directions_of(model: InstrumentedModel, records: Records, index: int, count: int) -> Directions:
    """Find directions in weight × feature of a class, over the pictures that are said to be it.

    Raises Refused without a linear layer that puts out the scores, and where fewer than two pictures are said to be it.
    """
    from nbviz.replica.scikit_import import scikit

    if not records.plan.head:
        raise Refused("Directions are of a linear layer that puts out the scores, and this network has none.")
    rows = np.flatnonzero(records.says_class(index))
    if len(rows) < 2:
        raise Refused(f"{len(rows)} pictures are said to be '{records.names[index]}': directions need two at least.")
    weight, bias = _weights(model, records.plan.head, int(records.plan.score_of(np.array(index))))
    if records.plan.scores == 1 and index == 0:  # what speaks for "no" speaks against the only score
        weight, bias = -weight, -bias
    added = records.column("features")[rows].astype(float) * weight
    # seeded: of large tables scikit-learn looks for the directions by random projections
    pca = scikit("decomposition").PCA(min(count, *added.shape), random_state=0).fit(added)
    along = (added - pca.mean_) @ pca.components_.T
    # a score is the sum over features, so a direction's share is its length along times the sum of its vector
    shares = along * pca.components_.sum(1)
    rest = (added - pca.mean_).sum(1) - shares.sum(1)
    # pictures that are all the same have no spread, whose shares are 0 / 0
    explained = np.nan_to_num(pca.explained_variance_ratio_)
    items = records.column("items")[rows]
    return Directions(items, shares, rest, float(pca.mean_.sum()), bias, explained, pca.components_)


def _weights(model: InstrumentedModel, head: str, row: int) -> tuple[NDArray[np.float64], float]:
    def work(run: Pass) -> tuple[NDArray[np.float64], float]:
        layer = modules_of(run.net)[head]
        assert isinstance(layer, nn.Linear)
        bias = 0.0 if layer.bias is None else float(layer.bias[row].detach())
        return array_of(layer.weight[row].double()), bias

    return model.guest.steady(work)
