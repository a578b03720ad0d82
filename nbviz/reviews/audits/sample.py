"""Sample of an audit: which pictures are asked about, by a rule that is stated with every figure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nbviz.arguments import at_least, whole
from nbviz.errors import NbvizError
from nbviz.reviews.result import Review

RULE = (
    "Half of the pictures are wrong answers, as far as there are as many, and half are right ones. Within each half "
    "every picture is equally likely: they are put in order of the class said, at random within it, and taken at even "
    "steps from a random start."
)
METHOD = "integrated_gradients"
"""Method whose maps are judged where none is named."""


@dataclass(frozen=True)
class SampleGroup:
    """Part of the data set that pictures are drawn from."""

    name: str
    """"right" or "wrong"; "all" where there are no labels."""
    size: int
    """Pictures in it, drawn or not."""
    items: tuple[int, ...]
    """Those drawn, ascending."""


@dataclass(frozen=True)
class AuditSample:
    """Pictures of an audit, and all that decides them."""

    weights: str
    """Digest of the network."""
    data: str
    """Digest of the data set."""
    method: str
    seed: int
    groups: tuple[SampleGroup, ...]

    @property
    def audit(self) -> str:
        """Short name of the audit, the same wherever the same is asked about the same."""
        # the answers of two people belong together only if all of this is the same
        text = repr((self.weights, self.data, self.method, self.seed, self.groups))
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    @property
    def items(self) -> list[int]:
        """Items in the order in which they are shown: at random, so that the order tells nothing of right and wrong."""
        every = np.array(sorted(item for group in self.groups for item in group.items))
        return np.random.default_rng([self.seed, len(every)]).permutation(every).tolist()

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as :meth:`from_json` reads them."""
        groups = [{"name": g.name, "size": g.size, "items": list(g.items)} for g in self.groups]
        known = {"weights": self.weights, "data": self.data, "method": self.method, "seed": self.seed}
        return {**known, "groups": groups, "rule": RULE}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> AuditSample:
        """Read a sample from plain values. KeyError and TypeError for others."""
        groups = tuple(SampleGroup(g["name"], g["size"], tuple(g["items"])) for g in values["groups"])
        return cls(values["weights"], values["data"], values["method"], values["seed"], groups)


def draw(review: Review, count: int = 40, seed: int = 0, method: str = METHOD) -> AuditSample:
    """Draw the pictures of an audit by :data:`RULE`; all of them where there are no more than ``count``."""
    wanted, number = at_least("count", count, 1), whole(seed)
    if number is None:
        raise NbvizError(f"seed is a whole number, not {seed!r}.")
    rng, groups = np.random.default_rng(number), []
    for name, rows, share in _shares(review, wanted):
        picked = _even(rows, review.column("prediction")[rows], share, rng)
        items = np.sort(review.column("items")[picked]).tolist()
        groups.append(SampleGroup(name, len(rows), tuple(items)))
    return AuditSample(review.plan.model, review.plan.data, method, number, tuple(groups))


def _shares(review: Review, count: int) -> Iterable[tuple[str, NDArray[np.int64], int]]:
    """Return name, rows, and how many of them are drawn."""
    if not review.labelled:
        every = np.arange(len(review))
        return [("all", every, min(count, len(every)))]
    wrong, right = review.known[~review.right], review.known[review.right]
    # where right answers are too few for their half, wrong ones take their places
    few = min(len(wrong), max(count // 2, count - len(right)))
    parts = [("wrong", wrong, few), ("right", right, min(count - few, len(right)))]
    return [part for part in parts if part[2]]


def _even(
    rows: NDArray[np.int64], classes: NDArray[np.int64], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Take rows at even steps from a random start, in order of their class: no class is left out by chance."""
    # systematic sampling: as random as drawing freely, and each class gets its share
    order = rows[np.lexsort((rng.permutation(len(rows)), classes))]
    step = len(rows) / count
    places = (rng.random() * step + step * np.arange(count)).astype(int)
    return order[np.minimum(places, len(rows) - 1)]
