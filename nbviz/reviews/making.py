"""Review a network over a data set: one pass, kept in memory or in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from nbviz.dataset.files import folder_at, intact
from nbviz.dataset.shards import Execution, Product
from nbviz.dataset.shards.plan import data_digest, model_digest
from nbviz.errors import NbvizError, Refused
from nbviz.model.brief import ModelLike
from nbviz.model.edit import picture_edits
from nbviz.model.inputs.edited_items import edited_items
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items, PassProgress
from nbviz.pictures.sources import DatasetLike
from nbviz.reviews.dense.plan import DENSE, IGNORE, truths_digest
from nbviz.reviews.dense.recording import Preparation, recorded
from nbviz.reviews.dense.recording import recording as dense_recording
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.dense.samples import Truths
from nbviz.reviews.folds import Folds
from nbviz.reviews.records.job import ReviewPart
from nbviz.reviews.records.making import batch_of, check_several, record, recording
from nbviz.reviews.records.metadata import Metadata
from nbviz.reviews.records.plan import ReviewPlan
from nbviz.reviews.records.presence import LabelsLike, has_several
from nbviz.reviews.records.records import Records
from nbviz.reviews.records.store import REVIEW
from nbviz.reviews.result import Review
from nbviz.reviews.several import SeveralReview
from nbviz.reviews.tasks import KINDS, PREPARED, task_in, task_of

if TYPE_CHECKING:
    from distributed import Client

Unbound = tuple[ReviewPlan, ReviewPart, list[str], InstrumentedModel | None, Items | None]
"""Recorded pictures, with the network and the data set where they are at hand."""


def review(
    model: ModelLike,
    dataset: DatasetLike,
    path: str | PathLike[str] | None = None,
    client: Client | None = None,
    *,
    labels: LabelsLike | None = None,
    metadata: Metadata | None = None,
    folds: Folds | None = None,
    training: DatasetLike | Records | None = None,
    against: DatasetLike | Records | None = None,
    batch: int | None = None,
    ignore: int | None = IGNORE,
    progress: bool = True,
    cancel: Callable[[], bool] | None = None,
) -> Review:
    """Look at every picture of a data set once, and say how the network does over all of them.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. dataset: a map-style data set, a
    loader around one, a folder (sub-folders are classes) or a list; items may be (picture, label). path: a folder to
    write to; a review that was interrupted goes on there and ends the same. client: a ``distributed.Client`` whose
    workers share the work. labels: where the data set has none; an index, a name or None per item; of a network that
    says yes or no of each class, all classes of each item: zeros and ones (items, classes), a frame of them, or lists
    of names; of a segmentation network masks of class numbers (H, W), of a detector boxes as torchvision's. metadata: a
    pandas frame, or name → values, one row per item, whose columns become slices. folds: networks, each with the
    numbers of the items it was trained without: labels are then suspected out of sample. training: the pictures that
    the network was trained on, or a review of them: :meth:`Review.influences` and the stage *Review* then tell which
    speak loudest for an answer. against: another data set, as of another camera or year, or a review of it: the page
    *Shift* compares both, as ``review.shift(against=…)`` does. batch: pictures per forward. ignore: value of a mask's
    pixels that are not counted. cancel: asked between batches, a yes raises :class:`Stopped`.

    A segmentation network has a :class:`SegmentationReview`, a detector a :class:`DetectionReview`. Raises Refused for
    networks without scores, maps or boxes and for labels of other classes, NbvizError for an empty data set or a folder
    of another review. Items that can't be read or have no finite scores are left out: see :attr:`Review.problems`.
    """
    network, items = InstrumentedModel.ensure(model), Items.ensure(dataset)
    if (task := _task_with(network, items, folds, training, against)) is not None:
        prepare = partial(PREPARED[task], network, items, labels, ignore=ignore)
        return _of_task(prepare, network, path, batch, Execution(client, progress, cancel), metadata)
    whole = record(network, items, path, client, labels=labels, batch=batch, progress=progress, cancel=cancel)
    return _with_others(_of_classes(whole, metadata, labels), folds, training, against, progress)


def _with_others(
    made: Review,
    folds: Folds | None,
    training: DatasetLike | Records | None,
    against: DatasetLike | Records | None,
    progress: bool,
) -> Review:
    """Return a review with the other networks and data sets that it is to be held against."""
    made = made if folds is None else made.with_folds(folds, progress)
    made = made if training is None else made.with_training(training)
    return made if against is None else made.with_against(against)


def _task_with(
    network: InstrumentedModel, items: Items, folds: object, training: object, against: object
) -> str | None:
    """Return the task of a network. Raises Refused where it goes with none of folds, training and against."""
    task = task_of(network, items)
    # before the pass, which may take hours
    given = {"Folds": folds, "Influences of training pictures": training, "Comparisons with another data set": against}
    for name, value in given.items():
        if task is not None and value is not None:
            raise Refused(f"{name} are for pictures that have one class each.")
    if task is not None and picture_edits(network):
        raise Refused("Masks and boxes don't move with an edited picture: review the network without them.")
    return task


def _of_task(
    prepare: Callable[..., Preparation],
    network: InstrumentedModel,
    path: str | PathLike[str] | None,
    batch: int | None,
    execution: Execution,
    metadata: Metadata | None,
) -> DenseReview:
    """Review masks or boxes. prepare: makes the preparation, given the pictures per forward."""
    before = network.fingerprint()  # first: weights that move while it is prepared are noticed
    folder = None if path is None else folder_at(path)
    ready = prepare(batch=batch_of(DENSE, batch, folder))
    return ready.review(recorded(ready, folder, before, execution), metadata)


def _of_classes(whole: Unbound, metadata: Metadata | None, labels: LabelsLike | None) -> Review:
    if has_several(labels):
        return SeveralReview(*whole, metadata, labels=labels)
    plan, part, notes, network, items = whole
    return Review(plan, part, notes, network, items, metadata)


@dataclass(frozen=True, eq=False)
class LiveReview(PassProgress):
    """Progress of a review."""

    review: Review | None = None
    """None until the end."""

    @property
    def complete(self) -> bool:
        return self.review is not None


def reviewing(model: ModelLike, dataset: DatasetLike) -> Iterator[LiveReview]:
    """Review as ``nbviz.review`` does, in memory and a batch at a time; the last carries the review."""
    network, items = edited_items(InstrumentedModel.ensure(model), Items.ensure(dataset))
    for step in _steps(network, items):
        yield LiveReview(step, len(items)) if isinstance(step, int) else LiveReview(len(items), len(items), step)


def _steps(network: InstrumentedModel, items: Items) -> Iterator[int | Review]:
    task = task_of(network, items)
    if task is None:
        for step in recording(network, items):
            yield step if isinstance(step, int) else Review(*step)
        return
    ready = PREPARED[task](network, items, None, None, IGNORE)
    for made in dense_recording(ready):
        yield made if isinstance(made, int) else ready.review(made)


def fitting(review: object, model: InstrumentedModel) -> Review:
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
    model: ModelLike | None = None,
    dataset: DatasetLike | None = None,
    *,
    labels: LabelsLike | None = None,
    metadata: Metadata | None = None,
) -> Review:
    """Read a review from its folder; with model and data set, pictures can be shown and changed again.

    Raises NbvizError where there is none, where it isn't finished, and where it is of another network or data set.
    """
    folder = folder_at(path)
    task = task_in(folder)
    product: Product[Any, Any] = REVIEW if task is None else DENSE
    plan, manifest = product.read_manifest(folder)
    if not (folder / product.whole).exists():
        raise NbvizError(f"The review in '{path}' is not finished: call nbviz.review with this path, and it goes on.")
    network = None if model is None else InstrumentedModel.ensure(model)
    several = task is None and has_several(labels)
    # labels of several classes, masks and boxes are no one class per item: they are checked by themselves below
    items = None if dataset is None else Items.ensure(dataset, None if several or task is not None else labels)
    truths = None if task is None else Truths.ensure(labels, plan.items)
    # a function: masks are read only once network and length are known to fit
    digest = None if truths is None else partial(_digest_with, truths)
    plan.check(f"The review in '{path}'", network, items, digest)
    with intact(folder, "review"):
        part = product.read(folder / product.whole)
    if task is not None and truths is not None:
        dense = KINDS[task](plan, part, manifest["notes"], network, items, metadata)
        dense.truths = truths
        return dense
    if several:
        check_several(labels, plan)
    return _of_classes((plan, part, manifest["notes"], network, items), metadata, labels)


def _digest_with(truths: Truths, items: Items, network: InstrumentedModel) -> str:
    """Return the digest of a data set with its masks or boxes."""
    return truths_digest(data_digest(items, network)[0], items, network, truths)
