"""One piece of a data set through the network: the unit of work, here or on another machine."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from nbviz.dataset.index.partial import Known, PartialIndex
from nbviz.dataset.index.plan import Plan
from nbviz.dataset.index.ranking_pass import Walk
from nbviz.errors import NbvizError
from nbviz.model.input_size import noise
from nbviz.pictures.samples import Items, Transform
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.replica import replicate

Tick = Callable[[int], Any]


class ShardJob:
    """Network, preprocessing, data set and plan: all that a piece needs."""

    def __init__(self, guest: Guest, transform: Transform, items: Items, plan: Plan) -> None:
        self.guest, self.transform, self.items, self.plan = guest, transform, items, plan
        self._packed: bytes | None = None

    def run(self, piece: int, tick: Tick | None = None, known: Known | None = None) -> PartialIndex:
        """One piece, over one version of the weights. known: what other pieces came to, from :meth:`Found.known`."""

        def work(run: Pass) -> PartialIndex:
            walk, plan = Walk(self.plan, run, known), self.plan
            numbers = plan.numbers(piece)
            for batch in self.items.batches(numbers, plan.batch, self.transform, plan.shape, walk.problem):
                walk.forward(batch)
                if tick is not None:
                    tick(len(batch.numbers))
            return walk.gathered(piece)

        return self.guest.steady(work)

    def each(self, pieces: Iterable[int], tick: Tick | None = None) -> Iterator[PartialIndex]:
        """Pieces in order, each knowing what those before it came to."""
        known: Known = {}
        for piece in pieces:
            found = self.run(piece, tick, known)
            known = found.known(known)
            yield found

    def packed(self) -> bytes:
        """Everything, the network as it is now, for another process. NbvizError where it can't travel."""
        import cloudpickle

        def pack(run: Pass) -> bytes:
            net = replicate(run.net, lambda tensor: tensor.detach().cpu())
            return cloudpickle.dumps((net, self.transform, self.items, self.plan))

        try:
            self._packed = self._packed or self.guest.steady(pack)
        except Exception as error:  # a reader's own objects can fail in any way
            raise NbvizError(
                f"Network, transform and data set must travel to the workers, and one can't be pickled: {error}"
            ) from error
        return self._packed

    @classmethod
    def unpacked(cls, packed: bytes) -> ShardJob:
        """On a worker: the network on its accelerator, if it has one."""
        net, transform, items, plan = pickle.loads(packed)
        guest = Guest(net, torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "auto")
        # a network that writes to itself is found out on a first batch
        x = noise(guest, plan.shape)  # outside: drawn within, the network would pass for one that draws at random
        guest.trial(lambda run: run(x) is None)
        return cls(guest, transform, items, plan)

    def __reduce__(self) -> tuple[Any, ...]:
        return ShardJob.unpacked, (self.packed(),)
