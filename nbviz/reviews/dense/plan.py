"""Plan of a review of masks or boxes: what a classifier's has, the task, and which pixels are not counted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nbviz.arrays import array_of
from nbviz.dataset.shards import Product
from nbviz.dataset.shards.plan import PROBES
from nbviz.dataset.shards.store import AWAY, check_source
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.dense.part import DensePart
from nbviz.reviews.dense.samples import Truths, first
from nbviz.reviews.records.plan import FORMAT, ReviewPlan

IGNORE = 255
"""Value of a mask's pixels that are not counted, as Pascal VOC has on the borders of objects."""


@dataclass(frozen=True)
class DensePlan(ReviewPlan):
    """Choices that decide a review of masks or boxes; ``scores`` is the number of maps, 0 of a detector."""

    task: str = "maps"
    """"maps" (segmentation) or "boxes" (detection)."""
    ignore: int | None = IGNORE
    """Value of a mask's pixels that are not counted; None for none."""


def truths_digest(data: str, items: Items, model: InstrumentedModel, truths: Truths) -> str:
    """Return the digest of a data set with what is known of some of its pictures."""
    digest = hashlib.blake2b(data.encode(), digest_size=16)
    # of some items, as of the pictures: all of them would be a second pass over the data set
    for sample in first(items, model.transform, truths, PROBES):
        digest.update(str(sample.number).encode() + _bytes(sample.truth))
    return digest.hexdigest()


def _bytes(truth: object) -> bytes:
    if isinstance(truth, dict):
        # by name, not in the order in which somebody filled the mapping
        return b"".join(str(name).encode() + _bytes(truth[name]) for name in sorted(truth, key=str))
    if isinstance(truth, torch.Tensor):
        truth = array_of(truth)
    if hasattr(truth, "__array__") or hasattr(truth, "__array_interface__"):
        values = np.asarray(truth)
        return repr((values.shape, values.dtype)).encode() + np.ascontiguousarray(values).tobytes()
    # nothing of other objects: their repr may hold an address, and each run would be of other data
    return repr(truth).encode() if isinstance(truth, (list, tuple, str, int, float)) or truth is None else b""


def check_same(path: Path, there: DensePlan, asked: DensePlan) -> None:
    """Raise NbvizError where the review in a folder is not the one asked for."""
    check_source("review", path, there, asked)
    if there.batch != asked.batch:
        raise NbvizError(f"The review in '{path}' has batch {there.batch}, not {asked.batch}. {AWAY}")
    if there.ignore != asked.ignore:
        raise NbvizError(f"The review in '{path}' has ignore={there.ignore}, not {asked.ignore}. {AWAY}")
    if there != asked:
        raise NbvizError(f"The review in '{path}' is of other classes, or of another task. {AWAY}")


DENSE = Product("review", "nbviz.review", "reviewing", FORMAT, DensePart, DensePlan.from_json, check_same)
