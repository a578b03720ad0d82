"""Job of one piece of a data set through the network: the unit of work, here or on another machine."""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import torch

from nbviz.dataset.shards.part import Part
from nbviz.dataset.shards.plan import ShardPlan
from nbviz.errors import NbvizError
from nbviz.model.inputs.input_size import noise
from nbviz.pictures.samples import Items, Transform
from nbviz.replica.guest import Guest, Pass
from nbviz.replica.replica import replicate

Tick = Callable[[int], Any]
PlanT = TypeVar("PlanT", bound=ShardPlan)
PartT = TypeVar("PartT", bound=Part)


class ShardJob(ABC, Generic[PlanT, PartT]):
    """Network, preprocessing, data set and plan: all that a piece needs."""

    def __init__(self, guest: Guest, transform: Transform, items: Items, plan: PlanT) -> None:
        self.guest, self.transform, self.items, self.plan = guest, transform, items, plan
        self._packed: bytes | None = None

    def more(self) -> tuple[Any, ...]:
        """Further arguments of the constructor, which travel to the workers."""
        return ()

    @abstractmethod
    def run(self, piece: int, tick: Tick | None = None) -> PartT:
        """Run one piece, over one version of the weights. tick: called with the number of pictures each batch."""

    def each(self, pieces: Iterable[int], tick: Tick | None = None) -> Iterator[PartT]:
        """Run pieces in order; a job whose pieces learn from those before them does it here."""
        for piece in pieces:
            yield self.run(piece, tick)

    def packed(self) -> bytes:
        """Return everything, the network as it is now, for another process. NbvizError where it can't travel."""
        import cloudpickle

        def pack(run: Pass) -> bytes:
            # a replica has none of our hooks, and a worker may have no such device
            net = replicate(run.net, lambda tensor: tensor.detach().cpu())
            return cloudpickle.dumps((type(self), net, self.transform, self.items, self.plan, self.more()))

        try:
            # once: a client asks for it with every task
            self._packed = self._packed or self.guest.steady(pack)
        except Exception as error:  # a reader's own objects can fail in any way
            raise NbvizError(
                f"Network, transform and data set must travel to the workers, and one can't be pickled: {error}"
            ) from error
        return self._packed

    @staticmethod
    def unpacked(packed: bytes) -> ShardJob[Any, Any]:
        """Return the job on a worker: the network on its accelerator, if it has one."""
        kind, net, transform, items, plan, more = pickle.loads(packed)
        guest = Guest(net, torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "auto")
        # a network that writes to itself is found out on a first batch
        x = noise(guest, plan.shape)  # outside: drawn within, the network would pass for one that draws at random
        guest.trial(lambda run: run(x) is None)
        job: ShardJob[Any, Any] = kind(guest, transform, items, plan, *more)
        return job

    def __reduce__(self) -> tuple[Any, ...]:
        return ShardJob.unpacked, (self.packed(),)
