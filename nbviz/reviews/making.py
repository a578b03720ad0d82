"""Review a network over a data set: one pass, kept in memory or in a folder."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from nbviz.dataset.files import folder_at, intact
from nbviz.dataset.shards.plan import data_digest, model_digest
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items, Labels
from nbviz.reviews.records.making import record
from nbviz.reviews.records.store import REVIEW
from nbviz.reviews.result import Review


def review(
    model: Any,
    dataset: Any,
    path: str | PathLike[str] | None = None,
    client: Any = None,
    *,
    labels: Labels | None = None,
    metadata: Any = None,
    batch: int | None = None,
    progress: bool = True,
    cancel: Callable[[], bool] | None = None,
) -> Review:
    """Look at every picture of a data set once, and say how the network does over all of them.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. dataset: a map-style data set, a
    loader around one, a folder (sub-folders are classes) or a list; items may be (picture, label). path: a folder to
    write to; a review that was interrupted goes on there and ends the same. client: a ``distributed.Client`` whose
    workers share the work. labels: where the data set has none; an index, a name or None per item. metadata: a pandas
    frame, or name → values, one row per item, whose columns become slices. batch: pictures per forward. cancel: asked
    between batches; :class:`Stopped` is raised when it says yes.

    Raises Refused for networks that put out no class scores and labels that are none of the network's classes,
    NbvizError for an empty data set, and a path with a review of something else. Items that can't be read, and those
    whose scores are not finite, are left out and named in :attr:`Review.problems`.
    """
    recorded = record(model, dataset, path, client, labels=labels, batch=batch, progress=progress, cancel=cancel)
    return Review(*recorded, metadata)


def load(
    path: str | PathLike[str],
    model: Any = None,
    dataset: Any = None,
    *,
    labels: Labels | None = None,
    metadata: Any = None,
) -> Review:
    """Read a review from its folder; with model and data set, pictures can be shown and changed again.

    Raises NbvizError where there is none, where it isn't finished, and where it is of another network or data set.
    """
    folder = folder_at(path)
    plan, manifest = REVIEW.read_manifest(folder)
    if not (folder / REVIEW.whole).exists():
        raise NbvizError(f"The review in '{path}' is not finished: call nbviz.review with this path, and it goes on.")
    network = None if model is None else InstrumentedModel.ensure(model)
    items = None if dataset is None else Items.ensure(dataset, labels)
    if network is not None and model_digest(network) != plan.model:
        raise NbvizError(f"The review in '{path}' is of another network, or of other weights of this one.")
    if items is not None and len(items) != plan.items:
        raise NbvizError(f"The review in '{path}' is of another data set ({plan.items} items, here {len(items)}).")
    if network is not None and items is not None and data_digest(items, network)[0] != plan.data:
        raise NbvizError(f"The review in '{path}' is of another data set: other pictures, preprocessing or labels.")
    with intact(folder, "review"):
        return Review(plan, REVIEW.read(folder / REVIEW.whole), manifest["notes"], network, items, metadata)
