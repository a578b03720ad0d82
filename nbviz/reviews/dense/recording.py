"""Recording of a dense review: in one pass, kept in memory or in a folder, or a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nbviz.dataset.shards import Execution, Problems, one_pass
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Pass
from nbviz.reviews.dense.job import DenseJob
from nbviz.reviews.dense.part import DensePart, together
from nbviz.reviews.dense.plan import DENSE
from nbviz.reviews.dense.review import DenseReview
from nbviz.reviews.dense.samples import Truths
from nbviz.reviews.records.metadata import Metadata


@dataclass(frozen=True)
class Preparation:
    """Everything that a dense review's pass needs."""

    network: InstrumentedModel
    items: Items
    job: DenseJob
    notes: list[str]
    truths: Truths
    kind: type[DenseReview]

    def review(self, part: DensePart, metadata: Metadata | None = None) -> DenseReview:
        """Return the review of recorded pictures."""
        review = self.kind(self.job.plan, part, self.notes, self.network, self.items, metadata)
        review.truths = self.truths
        return review


def recorded(ready: Preparation, folder: Path | None, before: tuple[int, bytes], execution: Execution) -> DensePart:
    """Look at every picture once."""
    return one_pass(ready.network, ready.job, DENSE, folder, before, execution, {"notes": ready.notes})


def recording(ready: Preparation) -> Iterator[int | DensePart]:
    """Do the same in memory while somebody waits: yield the number of pictures so far, and last what was recorded.

    Raises NbvizError for a network in training.
    """
    job = ready.job
    # in memory nothing is resumed, so nothing is cut
    job.plan = replace(job.plan, piece=len(ready.items))

    def work(run: Pass) -> Iterator[int | DensePart]:
        if run.snapshot:
            raise NbvizError("The network is being trained: review it when its training has ended.")
        problems, rows = Problems(), [job.no_rows()]
        yield 0
        for group in job.rows(run, range(len(ready.items)), problems):
            rows += group
            # less one: the first row is that of no picture
            yield len(rows) - 1 + problems.count
        yield together(0, rows, problems)

    yield from ready.network.guest.steadily(work)
