"""Tasks that a network may have been trained for: classes of pictures, of pixels, or of boxes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbviz.dataset.files import manifest_in
from nbviz.dataset.shards.store import MANIFEST
from nbviz.model.inputs.input_size import noise
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.reviews.dense.recording import Preparation
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.detection.preparing import prepared as boxes_prepared
from nbviz.reviews.detection.review import DetectionReview
from nbviz.reviews.records.plan import FORMAT
from nbviz.reviews.segmentation.maps import map_reader
from nbviz.reviews.segmentation.preparing import prepared as maps_prepared
from nbviz.reviews.segmentation.review import SegmentationReview

PREPARED: dict[str, Callable[..., Preparation]] = {"maps": maps_prepared, "boxes": boxes_prepared}
"""Task → preparation (network, items, labels, batch, ignore) of its review."""
KINDS: dict[str, type[DenseReview]] = {"maps": SegmentationReview, "boxes": DetectionReview}
"""Task → review."""


def task_of(network: InstrumentedModel, items: Items) -> str | None:
    """Return "maps" or "boxes" of a network that puts these out; None of a classifier, and of what can't be read."""
    x = noise(network.guest, items.shape(network.transform))
    kind = network.trace(x).kind
    if kind == "unknown":
        # one map alone is unknown to a trace, for no target is read from it; a review can read it
        return "maps" if map_reader(network, x) is not None else None
    return kind if kind in PREPARED else None


def task_in(folder: Path) -> str | None:
    """Return the task of the review in a folder; None of a classifier's. NbvizError where there is no review."""
    manifest: dict[str, Any] = manifest_in(folder, MANIFEST, "review", FORMAT)
    plan = manifest.get("plan")
    return plan.get("task") if isinstance(plan, dict) else None
