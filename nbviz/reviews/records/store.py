"""Review on disk, see :mod:`nbviz.dataset.shards.store`; tensors are those of :mod:`nbviz.reviews.records.job`.

The manifest also has ``notes``: how the classes of data set and network were matched, where that had to be said.
"""

from __future__ import annotations

from pathlib import Path

from nbviz.dataset.shards import Product
from nbviz.dataset.shards.store import AWAY, check_source
from nbviz.errors import NbvizError
from nbviz.reviews.records.job import ReviewPart
from nbviz.reviews.records.plan import FORMAT, ReviewPlan


def check_same(path: Path, there: ReviewPlan, asked: ReviewPlan) -> None:
    """Raise NbvizError where the review in a folder is not the one asked for."""
    check_source("review", path, there, asked)
    if there.batch != asked.batch:
        raise NbvizError(f"The review in '{path}' has batch {there.batch}, not {asked.batch}. {AWAY}")
    if there != asked:
        raise NbvizError(f"The review in '{path}' is of other classes, or reads the network's scores otherwise. {AWAY}")


REVIEW = Product("review", "nbviz.review", "reviewing", FORMAT, ReviewPart, ReviewPlan.from_json, check_same)
