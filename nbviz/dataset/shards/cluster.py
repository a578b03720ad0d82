"""Pieces of a data set as tasks of a Dask cluster, whatever it runs on.

A task does some neighbouring pieces, each knowing what those before it came to, and merges them; what that comes to
travels to this process, which keeps it. What a killed worker had is done again by another; a piece's answer depends
on nothing but the plan, so the result is the one that a single process makes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any

from nbviz.dataset.shards.job import PartT, PlanT, ShardJob
from nbviz.dataset.shards.part import Part
from nbviz.errors import NbvizError
from nbviz.replica.heap import kept_heap

if TYPE_CHECKING:
    from distributed import Client, Future

TOGETHER = 4
"""Pieces a task; what is under way is lost when this process is stopped."""
POLL = 0.5
"""Seconds between looks at the wish to stop."""


def on_cluster(
    job: ShardJob[PlanT, PartT], todo: list[int], client: Client, tick: Callable[[int], None]
) -> Iterator[PartT]:
    """Yield the parts of groups of pieces as they are done.

    client: a ``distributed.Client``; its workers need nbviz and whatever module defines the network and the
    data set. A data set that holds its pictures travels to the workers; one that reads files is small.
    """
    if getattr(client, "asynchronous", False):
        raise NbvizError("client= is asynchronous; pass a distributed.Client that is not.")
    groups = [todo[start : start + TOGETHER] for start in range(0, len(todo), TOGETHER)]
    with warnings.catch_warnings():
        # the network goes as a task's argument, and is large: what is scattered would die with its worker
        warnings.filterwarnings("ignore", message="Sending large graph")
        shared = client.submit(ShardJob.unpacked, job.packed(), pure=False)
    yield from _as_done([client.submit(_pieces, shared, group, pure=False) for group in groups], client, tick)


def _as_done(waiting: list[Future], client: Client, tick: Callable[[int], None]) -> Iterator[PartT]:
    from distributed import KilledWorker, wait

    try:
        while waiting:
            tick(0)
            try:
                # short waits, so that a wish to stop is heard while a task runs
                done, _ = wait(waiting, timeout=POLL, return_when="FIRST_COMPLETED")
            except TimeoutError:
                continue
            for future in done:
                waiting.remove(future)
                part = future.result()
                yield part
                tick(part.seen)
    except KilledWorker as error:
        raise NbvizError(
            f"A piece of the data set brought its worker down again and again ({error}): out of memory? "
            "Try a smaller batch=. What was done is kept where a path was given."
        ) from error
    finally:
        # also after an error here: tasks that nobody waits for would go on on the cluster
        client.cancel(waiting)


def _pieces(job: ShardJob[Any, Any], pieces: list[int]) -> Part:
    with kept_heap():
        return reduce(lambda one, other: one.merge(other), job.each(pieces))
