"""Building of an index in steps, while somebody waits, and checking one that was built elsewhere.

Where nothing is written or shared out there is no need for pieces: one walk over the data set, over one version of
the weights, gives the index that ``Index.build`` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nbviz.dataset.index.index import Index
from nbviz.dataset.index.options import IndexOptions
from nbviz.dataset.index.plan import planned
from nbviz.dataset.index.ranking_pass import IndexWalk
from nbviz.dataset.shards.plan import model_digest
from nbviz.errors import NbvizError
from nbviz.model.brief import ModelLike
from nbviz.model.inputs.edited_items import edited_items
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items, PassProgress
from nbviz.pictures.sources import DatasetLike
from nbviz.replica.guest import Pass


@dataclass(frozen=True, eq=False)
class LiveIndex(PassProgress):
    """Progress of a pass that makes an index."""

    index: Index | None = None
    """None until the end."""

    @property
    def complete(self) -> bool:
        return self.index is not None


def indexing(
    model: ModelLike,
    dataset: DatasetLike,
    layers: Sequence[str] | None = None,
    k: int = 9,
    *,
    profile: int = 100,
    batch: int | None = None,
) -> Iterator[LiveIndex]:
    """Run ``Index.build`` step by step, in memory; arguments and errors are the same. The last step has the index.

    batch: pictures in a step; None for as many as ``Index.build`` takes.

    NbvizError for a network in training: an index of weights that are gone tells nothing.
    """
    model, items = edited_items(InstrumentedModel.ensure(model), Items.ensure(dataset))
    # one piece: nothing is on disk that could be gone on with
    plan = replace(planned(model, items, IndexOptions(layers, k, profile=profile)), piece=len(items))
    plan = plan if batch is None else replace(plan, batch=batch)
    classes = items.classes or model.classes

    def work(run: Pass) -> Iterator[LiveIndex]:
        if run.snapshot:
            raise NbvizError("The network is being trained: look through the pictures when its training has ended.")
        walk = IndexWalk(plan, run)
        yield LiveIndex(0, len(items))
        for part in items.batches(range(len(items)), plan.batch, model.transform, plan.shape, walk.part.leave_out):
            walk.forward(part)
            yield LiveIndex(walk.part.seen, len(items))
        whole = walk.gathered(0)
        if not whole.seen:
            raise NbvizError(f"None of the {len(items)} pictures could be read.")
        yield LiveIndex(whole.seen, len(items), Index(plan, whole, classes, model, items))

    yield from model.guest.steadily(work)


def fitting(index: object, model: InstrumentedModel) -> Index:
    """Bind an index to an open model. NbvizError for one of another network or without pictures."""
    if not isinstance(index, Index):
        raise NbvizError(
            f"index= is an nbviz.Index, not {type(index).__name__}: Index.build(model, dataset), or "
            "Index.load(path, model, dataset)."
        )
    if index.plan.model != model_digest(model):
        raise NbvizError(
            "The index is of another network, or of other weights of this one: make it with "
            "nbviz.Index.build(model, dataset) from the network that is explored."
        )
    if index.items is None:
        raise NbvizError(
            "The index was loaded without its data set, so it has no pictures to show: "
            "Index.load(path, model, dataset)."
        )
    return Index(index.plan, index._rankings, index.classes, model, index.items)  # noqa: SLF001 - our own
