"""Build of the pieces of a plan that a store lacks, one after the other, in this process or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nbviz.dataset.progress import progress_bar
from nbviz.dataset.shards.cluster import on_cluster
from nbviz.dataset.shards.job import PartT, PlanT, ShardJob
from nbviz.dataset.shards.plan import ShardPlan
from nbviz.dataset.shards.store import Folder, Memory, Product
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.heap import kept_heap

if TYPE_CHECKING:
    from distributed import Client
    from tqdm.auto import tqdm

T = TypeVar("T")
Cancel = Callable[[], bool]


class Stopped(NbvizError):
    """Error of a build that was cancelled; its finished pieces stay where it was given a path."""


@dataclass(frozen=True)
class Execution:
    """Client, progress bar and cancelling of a pass: no part of its result. NbvizError for another client."""

    client: Client | None = None
    """A ``distributed.Client`` whose workers share the pieces."""
    progress: bool = True
    cancel: Cancel | None = None
    """Asked between batches; True stops the build."""

    def __post_init__(self) -> None:
        if self.client is None:
            return
        # told by what it can do: distributed need not be installed
        if not (hasattr(self.client, "submit") and hasattr(self.client, "cancel")):
            hint = "; distributed.Client(cluster) makes one" if hasattr(self.client, "scheduler_address") else ""
            raise NbvizError(
                f"client= takes a distributed.Client, not {self.client!r:.80} ({type(self.client).__name__}){hint}."
            )
        if getattr(self.client, "status", "running") != "running":
            raise NbvizError(f"client= is {self.client.status}: connect a new distributed.Client.")


class Build(Generic[PlanT, PartT]):
    """Run of one pass: the network as it was at its start, the progress bar, the request to stop."""

    def __init__(
        self,
        model: InstrumentedModel,
        store: Folder[PlanT, PartT] | Memory[PartT],
        product: Product[PlanT, PartT],
        before: Hashable,
        execution: Execution,
    ) -> None:
        self._model, self._store, self._product = model, store, product
        self._before, self._execution = before, execution
        self._pieces = 0

    def run(self, job: ShardJob[PlanT, PartT]) -> None:
        """Run every piece that isn't in the store. Raises :class:`Stopped`."""
        self._pieces = job.plan.pieces
        todo = [piece for piece in range(job.plan.pieces) if piece not in self._store.done]
        with kept_heap(), self._bar(job.plan, todo) if self._execution.progress else nullcontext() as bar:

            def tick(pictures: int) -> None:
                if bar is not None:
                    bar.update(pictures)
                self.stop()

            # asked after each part: pieces of two versions of the weights must not be merged
            if self._execution.client is None:
                parts: Iterator[PartT] = map(self._unchanged, job.each(todo, tick))
            else:
                # asked once: the workers only ever get this packed copy, which the job keeps
                self._unchanged(job.packed())
                parts = on_cluster(job, todo, self._execution.client, tick)
            for part in parts:
                self._store.add(part)

    def _unchanged(self, answer: T) -> T:
        if self._model.fingerprint() != self._before:
            raise NbvizError(
                f"The network changed while its pictures were looked through ({self._product.activity}): call "
                f"{self._product.call} again when its training has ended."
            )
        return answer

    def stop(self) -> None:
        """Raise :class:`Stopped` if that was requested."""
        if self._execution.cancel is not None and self._execution.cancel():
            advice = "; the same call goes on from there" if isinstance(self._store, Folder) else ""
            done = f"{len(self._store.done)} of {self._pieces} pieces" if self._pieces else "no piece"
            raise Stopped(f"Stopped with {done} done{advice}.")

    def _bar(self, plan: ShardPlan, todo: list[int]) -> tqdm:
        left = sum(len(plan.numbers(piece)) for piece in todo)
        return progress_bar(self._product.activity, plan.items, unit=" pictures", initial=plan.items - left)


def one_pass(
    model: InstrumentedModel,
    job: ShardJob[PlanT, PartT],
    product: Product[PlanT, PartT],
    path: Path | None,
    before: Hashable,
    execution: Execution,
    more: Mapping[str, Any] | None = None,
) -> PartT:
    """Run a job's pieces, except those in the folder already; return all of them merged.

    path: None keeps the parts in memory. before: the network's fingerprint when the plan was made. more: for the
    manifest. Raises :class:`Stopped`, and NbvizError for a folder of something else.
    """
    store: Folder[PlanT, PartT] | Memory[PartT]
    store = Memory() if path is None else Folder(path, product, job.plan, more)
    build = Build(model, store, product, before, execution)
    with store.alone(build.stop):
        whole = store.whole
        if whole is None:
            build.run(job)
            whole = store.finish()
    return whole
