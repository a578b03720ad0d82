"""Record a network's answers to every picture of a data set: one pass, kept in memory or in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbviz.arguments import at_least
from nbviz.dataset.files import folder_at
from nbviz.dataset.shards import Execution, Problems, Product, one_pass
from nbviz.dataset.shards.store import MANIFEST
from nbviz.errors import NbvizError, Refused
from nbviz.model.brief import ModelLike
from nbviz.model.inputs.edited_items import edited_items
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.scoring.heads import head_of
from nbviz.pictures.samples import Items
from nbviz.pictures.sources import DatasetLike
from nbviz.replica.guest import Pass
from nbviz.reviews.records.job import Reading, RecordJob, ReviewPart, no_rows, together
from nbviz.reviews.records.plan import ReviewPlan, planned
from nbviz.reviews.records.presence import LabelsLike, has_several, presence
from nbviz.reviews.records.store import REVIEW

if TYPE_CHECKING:
    from distributed import Client

Recorded = tuple[ReviewPlan, ReviewPart, list[str], InstrumentedModel, Items]


def record(
    model: ModelLike,
    dataset: DatasetLike,
    path: str | PathLike[str] | None = None,
    client: Client | None = None,
    *,
    labels: LabelsLike | None = None,
    batch: int | None = None,
    progress: bool = True,
    cancel: Callable[[], bool] | None = None,
) -> Recorded:
    """Look at every picture once; arguments and errors are those of ``nbviz.review``."""
    several = has_several(labels)
    given = Items.ensure(dataset, None if several else labels)
    network, items = edited_items(InstrumentedModel.ensure(model), given)
    # fingerprint first: weights that move while the pass is planned are noticed
    execution, before = Execution(client, progress, cancel), network.fingerprint()
    folder = None if path is None else folder_at(path)
    plan, notes = planned(network, items, batch_of(REVIEW, batch, folder))
    if several:
        check_several(labels, plan)
    job = _job(network, items, plan)
    part = one_pass(network, job, REVIEW, folder, before, execution, {"notes": notes})
    return plan, part, notes, network, items


def check_several(labels: LabelsLike, plan: ReviewPlan) -> None:
    """Raise, before a long pass, what is wrong with labels of several classes per item.

    Refused for a network that chooses one class, NbvizError for another size or unknown classes.
    """
    if not plan.multilabel:
        raise Refused(
            "labels= has several classes per item, and the network chooses one of its classes: where its scores are "
            "independent, InstrumentedModel(net, multilabel=True) says so."
        )
    presence(labels, plan.items, plan.names)


def batch_of(product: Product[Any, Any], asked: int | None, folder: Path | None) -> int | None:
    """Return the pictures per forward: as asked for, or of the review that is resumed in a folder."""
    if asked is not None:
        return at_least("batch", asked, 1)
    there = folder is not None and (folder / MANIFEST).exists()
    # its own: with another batch it would be another review, and refused
    return product.read_manifest(folder)[0].batch if there and folder is not None else None


def _job(network: InstrumentedModel, items: Items, plan: ReviewPlan) -> RecordJob:
    reading = Reading(network.read, head_of(network.known), network.transform.colours)
    return RecordJob(network.guest, network.transform, items, plan, reading)


def recording(network: InstrumentedModel, items: Items) -> Iterator[int | Recorded]:
    """Do the same in memory while somebody waits: yield the number of pictures so far, and last what was recorded.

    Raises NbvizError for a network in training: records of weights that are gone tell nothing.
    """
    plan, notes = planned(network, items, None)
    plan = replace(plan, piece=len(items))  # in memory nothing is resumed, so nothing is cut
    job = _job(network, items, plan)

    def work(run: Pass) -> Iterator[int | Recorded]:
        if run.snapshot:
            raise NbvizError("The network is being trained: review it when its training has ended.")
        problems, rows = Problems(), [no_rows(plan)]
        yield 0
        for row in job.rows(run, range(len(items)), problems):
            rows.append(row)
            yield sum(len(one["items"]) for one in rows) + problems.count
        yield plan, together(0, rows, problems), notes, network, items

    yield from network.guest.steadily(work)
