"""Do the pieces of a plan that a store doesn't have yet, one after the other, in this process or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from nbviz.dataset.index.cluster import on_cluster
from nbviz.dataset.index.partial import PartialIndex
from nbviz.dataset.index.plan import Plan
from nbviz.dataset.index.shards import ShardJob
from nbviz.dataset.index.store import Folder, Memory
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.heap import kept_heap

Cancel = Callable[[], bool]


class Stopped(NbvizError):
    """A build that was cancelled; what it had done is kept where it was given a path."""


@dataclass(frozen=True)
class Execution:
    """Client, bar and cancelling of a build: they change nothing in the index. NbvizError for a client that is none."""

    client: Any = None
    """A ``distributed.Client`` whose workers share the pieces."""
    progress: bool = True
    cancel: Cancel | None = None
    """Asked between batches; True stops the build."""

    def __post_init__(self) -> None:
        if self.client is None:
            return
        if not (hasattr(self.client, "submit") and hasattr(self.client, "cancel")):
            hint = "; distributed.Client(cluster) makes one" if hasattr(self.client, "scheduler_address") else ""
            raise NbvizError(
                f"client= takes a distributed.Client, not {self.client!r:.80} ({type(self.client).__name__}){hint}."
            )
        if getattr(self.client, "status", "running") != "running":
            raise NbvizError(f"client= is {self.client.status}: connect a new distributed.Client.")


class Build:
    """One call of ``Index.build``: the network as it was at its start, the bar, the wish to stop."""

    def __init__(
        self, model: InstrumentedModel, store: Folder | Memory, plan: Plan, before: Hashable, execution: Execution
    ) -> None:
        self._model, self._store, self._plan, self._before, self._execution = model, store, plan, before, execution

    def run(self, job: ShardJob) -> None:
        """Every piece that isn't in the store goes there. Raises :class:`Stopped`."""
        todo = [piece for piece in range(job.plan.pieces) if piece not in self._store.done]
        with kept_heap(), _bar(job.plan, todo) if self._execution.progress else nullcontext() as bar:

            def tick(pictures: int) -> None:
                if bar is not None:
                    bar.update(pictures)
                self.stop()

            if self._execution.client is None:
                found: Iterator[PartialIndex] = map(self._unchanged, job.each(todo, tick))
            else:
                self._unchanged(job.packed())
                found = on_cluster(job, todo, self._execution.client, tick)
            for part in found:
                self._store.add(part)

    def _unchanged(self, found: Any) -> Any:
        if self._model.fingerprint() != self._before:
            raise NbvizError("The network changed while it was indexed: build again when its training has ended.")
        return found

    def stop(self) -> None:
        """Raise :class:`Stopped` if that is wished."""
        if self._execution.cancel is not None and self._execution.cancel():
            kept = "; the same call goes on from there" if isinstance(self._store, Folder) else ""
            raise Stopped(f"Stopped with {len(self._store.done)} of {self._plan.pieces} pieces done{kept}.")


def _bar(plan: Plan, todo: list[int]) -> Any:
    from tqdm.auto import tqdm

    left = sum(len(plan.numbers(piece)) for piece in todo)
    return tqdm(total=plan.items, initial=plan.items - left, unit=" pictures", desc="indexing")
