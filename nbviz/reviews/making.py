"""Review a network over a data set: one pass, kept in memory or in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from typing import Any

from nbviz.dataset.files import folder_at, intact
from nbviz.dataset.shards.plan import data_digest, model_digest
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items, Labels
from nbviz.reviews.folds import Folds
from nbviz.reviews.records.making import check_several, record, recording
from nbviz.reviews.records.presence import has_several
from nbviz.reviews.records.store import REVIEW
from nbviz.reviews.result import Review
from nbviz.reviews.several import SeveralReview


def review(
    model: Any,
    dataset: Any,
    path: str | PathLike[str] | None = None,
    client: Any = None,
    *,
    labels: Labels | Any = None,
    metadata: Any = None,
    folds: Folds | None = None,
    batch: int | None = None,
    progress: bool = True,
    cancel: Callable[[], bool] | None = None,
) -> Review:
    """Look at every picture of a data set once, and say how the network does over all of them.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. dataset: a map-style data set, a
    loader around one, a folder (sub-folders are classes) or a list; items may be (picture, label). path: a folder to
    write to; a review that was interrupted goes on there and ends the same. client: a ``distributed.Client`` whose
    workers share the work. labels: where the data set has none; an index, a name or None per item; of a network
    that says of each class by itself whether it is there, all classes of each item: zeros and ones (items, classes), a
    frame of them, or lists of names. metadata: a pandas frame, or name → values, one row per item, whose columns become
    slices. folds: networks that were each trained without some of the items, with these items' numbers: labels are then
    suspected out of sample. batch: pictures per forward. cancel: asked between batches; :class:`Stopped` is raised when
    it says yes.

    Raises Refused for networks that put out no class scores and labels that are none of the network's classes,
    NbvizError for an empty data set, and a path with a review of something else. Items that can't be read, and those
    whose scores are not finite, are left out and named in :attr:`Review.problems`.
    """
    recorded = record(model, dataset, path, client, labels=labels, batch=batch, progress=progress, cancel=cancel)
    made = _made(recorded, metadata, labels)
    return made if folds is None else made.with_folds(folds, progress)


def _made(recorded: tuple[Any, ...], metadata: Any, labels: Any) -> Review:
    if has_several(labels):
        return SeveralReview(*recorded, metadata, labels=labels)
    plan, part, notes, network, items = recorded
    return Review(plan, part, notes, network, items, metadata)


@dataclass(frozen=True, eq=False)
class LiveReview:
    """Progress of a review."""

    seen: int
    total: int
    review: Review | None = None
    """None until the end."""

    @property
    def done(self) -> float:
        """0…1; 1 only with the review."""
        return 1.0 if self.review is not None else min(self.seen / self.total, 0.999)

    @property
    def progress(self) -> str:
        """``"120 of 5,000 pictures"``."""
        return f"{self.seen:,} of {self.total:,} pictures"


def reviewing(model: Any, dataset: Any) -> Iterator[LiveReview]:
    """Review as ``nbviz.review`` does, in memory and a batch at a time; the last carries the review."""
    network, items = InstrumentedModel.ensure(model), Items.ensure(dataset)
    for step in recording(network, items):
        if isinstance(step, int):
            yield LiveReview(step, len(items))
        else:
            yield LiveReview(len(items), len(items), Review(*step))


def fitting(review: Any, model: InstrumentedModel) -> Review:
    """Return a review bound to an open model. Raises NbvizError for one of another network or without pictures."""
    if not isinstance(review, Review):
        raise NbvizError(
            f"review= is an nbviz.Review, not {type(review).__name__}: nbviz.review(model, dataset), or "
            "nbviz.reviews.load(path, model, dataset)."
        )
    if review.plan.model != model_digest(model):
        raise NbvizError(
            "The review is of another network, or of other weights of this one: make it with nbviz.review(model, "
            "dataset) from the network that is explored."
        )
    if review.items is None:
        raise NbvizError(
            "The review was loaded without its data set, so it has no pictures to show: "
            "nbviz.reviews.load(path, model, dataset)."
        )
    return review if review.model is model else review.bound(model)


def load(
    path: str | PathLike[str],
    model: Any = None,
    dataset: Any = None,
    *,
    labels: Labels | Any = None,
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
    several = has_several(labels)
    items = None if dataset is None else Items.ensure(dataset, None if several else labels)
    if network is not None and model_digest(network) != plan.model:
        raise NbvizError(f"The review in '{path}' is of another network, or of other weights of this one.")
    if items is not None and len(items) != plan.items:
        raise NbvizError(f"The review in '{path}' is of another data set ({plan.items} items, here {len(items)}).")
    if network is not None and items is not None and data_digest(items, network)[0] != plan.data:
        raise NbvizError(f"The review in '{path}' is of another data set: other pictures, preprocessing or labels.")
    with intact(folder, "review"):
        part = REVIEW.read(folder / REVIEW.whole)
    if several:
        check_several(labels, plan)
    return _made((plan, part, manifest["notes"], network, items), metadata, labels)
