"""Watch over a network from outside for changes of structure and weights, at about a millisecond a look.

Versions alone are not enough: fused optimisers, ``.data`` edits and numpy writes bump none. So a pass is compared by
identities, data pointers and a strided sample of every tensor, which training always moves; and what is kept for
longer than a pass by all values: those of a small network are read at every event, those of a large one in slices
(:meth:`Watch.read_on`) whenever another thread may have written to them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from itertools import chain
from operator import attrgetter

import torch
from torch import nn

from nbviz.replica.copying.memory_parts import addresses, strided_parts
from nbviz.replica.replica import Replica, replica
from nbviz.replica.watching.contents import Contents
from nbviz.replica.watching.held_state import HeldState
from nbviz.replica.watching.identity import is_plain
from nbviz.replica.watching.optimizer_steps import Steps
from nbviz.replica.watching.sample import ValueSample
from nbviz.replica.watching.structure import Structure
from nbviz.replica.watching.thread_time import Others, ThreadActivity
from nbviz.replica.watching.training_forwards import await_forwards

SMALL = 2_000_000
"""Values up to which a network is read whole at every event: two milliseconds."""
SLICE = 0.001
"""Seconds of reading at a time in a larger one."""
WAIT = 5.0
"""Seconds a step or a training forward may last and still be waited for."""
QUIET = 0.02
"""Seconds; a thread between two writes waits for Python's lock for 0.005 at most, if it has a processor."""
_VERSION = attrgetter("_version")
_BARE = (nn.Module, torch.Tensor, dict, set)


class Watch:
    """Watch over one network; cheap to ask, made again by its owner when ``still()`` is False."""

    def __init__(self, net: nn.Module, walk: Callable[[], Replica] | None = None) -> None:
        """walk: makes a replica, which tells all that the network reaches; left out, :func:`replica` does."""
        self._structure = Structure(net)
        self._modules = {id(module) for module in net.modules()}
        copy = replica(net) if walk is None else walk()
        self._state = HeldState(net, copy.originals, self._structure.containers)
        self.tensors = copy.users
        """All tensors that the network's modules reach."""
        parts = [(t, part) for t in self.tensors for part in strided_parts(t) if _dense(part)]
        self._owners, self._dense = [owner for owner, _ in parts], [part for _, part in parts]
        self._strided = [owner for owner, part in parts if part is owner]
        # a sparse tensor's parts are others after an edit of its own
        self._sparse = list({id(owner): owner for owner, part in parts if part is not owner}.values())
        # inference tensors have no version to ask for
        self._tracked = [t for t in self.tensors if not t.is_inference()]
        self._pointers = self.pointers()
        self._sample = ValueSample(self._dense)
        self.inference = len(self._tracked) < len(self.tensors)
        """True if some tensors are inference tensors, of which replicas have copies."""
        self.steps = Steps(self.tensors)
        self._copied = frozenset[int](), self._contents_of(frozenset())
        self._still = _Still((), 0.0)
        self._small = sum(t.numel() for t in self._dense) <= SMALL
        self._activity = ThreadActivity()
        self._reading = False
        self._seen: tuple[Hashable, ...] = ()

    @cached_property
    def _contents(self) -> Contents:
        return Contents(self._dense)

    def still(self, streams: bool = False) -> bool:
        """Return whether module, parameter and buffer identities, attributes, plain state and hooks are the same.

        streams: the positions of the network's own random streams, too.
        """
        return self.pointers() == self._pointers and self._structure.still() and self._state.still(streams)

    def is_within(self, other: Watch) -> bool:
        """Return whether all that this one holds another holds, too, but for modules of few values and plain ones."""
        theirs = set(map(id, other._held()))
        alone = {id(item): item for item in self._held() if id(item) not in theirs and not is_plain(item)}
        tensors = [item for item in alone.values() if isinstance(item, torch.Tensor)]
        return all(isinstance(item, _BARE) for item in alone.values()) and sum(t.numel() for t in tensors) <= SMALL

    def _held(self) -> Iterator[object]:
        return chain(self.tensors, self._structure.held(), self._state.held())

    def pointers(self) -> list[int]:
        """Return where the tensors' values are; another place after ``p.data = …``."""
        strided = list(map(torch.Tensor.data_ptr, self._strided))
        return strided + [address for tensor in self._sparse for address in addresses(tensor)]

    def _versions(self) -> tuple[int, ...]:
        return tuple(map(_VERSION, self._tracked))

    def values(self) -> tuple[Hashable, ...]:
        """Return versions and a sample of the values of every tensor."""
        return (self._versions(), *self._sample.read())

    def contents(self, reread: bool = False) -> bytes:
        """Return a digest of versions and of all values; of a large network's as they were last read.

        reread: read a large one's, too, here and now: a hundred million values take 0.1 s.
        """
        if self._small:
            return _digest((self._versions(), self._contents.read()))
        values = self.values()
        # a change that versions or the sample show is no news to whoever reads on from here
        if reread or (values != self._seen and not self.steps.recent()):
            self._contents.read()
            self._seen = values
        return _digest((*values, self._contents.changes))

    def all_values(self) -> bytes:
        """Return a digest of all values, read here and now: those of a replica with copies of them."""
        return _digest((self._versions(), self._contents.read()))

    def values_of(self, some: frozenset[int]) -> bytes:
        """Return a digest of all values of the tensors with these ids, and of inference tensors: those copied."""
        if some != self._copied[0]:
            self._copied = some, self._contents_of(some)
        return _digest((self._copied[1].read(),))

    def _contents_of(self, some: frozenset[int]) -> Contents:
        owned = zip(self._owners, self._dense, strict=True)
        return Contents(part for owner, part in owned if id(owner) in some or owner.is_inference())

    def read_on(self) -> bool:
        """Read a large network's values for about a millisecond; return whether there is more to read.

        Nothing is read while nothing can have changed: as long as no other thread has worked since the last round.
        """
        if self._small or (not self._reading and not self._activity.seen()):
            return False
        self._reading = self._contents.read_on(SLICE)
        return self._reading

    def stamp(self) -> tuple[Hashable, ...]:
        """Return a stamp, equal before and after a pass only if the weights did not move meanwhile.

        Never taken inside an optimiser's step, nor inside a forward that trains, unless they last for seconds.
        """
        return (*self._settled(), tuple(self.pointers()))

    def _settled(self) -> tuple[Hashable, ...]:
        # in this order: a forward that trains ends before its step begins
        await_forwards(self._modules, WAIT)
        return self.steps.settled(WAIT), self.values()

    def quiet(self, patience: float = 0.5) -> tuple[Hashable, ...] | None:
        """Return the stamp of weights that have been still for :data:`QUIET` seconds; None while they keep moving.

        A loop that writes weights without an optimiser of torch's can't be seen to be in the middle of it; but
        it goes on within that time.
        """
        still = self._still
        # where the values are is asked after the pass alone, against where they were when they were proven still
        if still.proven and self._settled() == still.stamp[:-1]:
            return still.stamp
        deadline = time.monotonic() + patience
        while True:
            stamp, now = self.stamp(), time.monotonic()
            if stamp != self._still.stamp:
                self._still = _Still(stamp, now)
            elif self._still.proven:
                return stamp
            elif now - self._still.since >= QUIET and not self._still.others.stalled():
                # once more: a thread that waited for us to let go of Python's lock goes on now
                time.sleep(QUIET / 10)
                if not self._still.others.stalled() and self.stamp() == stamp:
                    self._still = _Still(stamp, now, proven=True)
                    return stamp
            if now > deadline:
                return None
            time.sleep(QUIET / 2)


def _digest(values: tuple[Hashable, ...]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for value in values:
        digest.update(value if isinstance(value, bytes) else repr(value).encode())
    return digest.digest()


class _Still:
    """Start of the present stamp of the weights, and whether every other thread has had its chance since."""

    def __init__(self, stamp: tuple[Hashable, ...], since: float, proven: bool = False) -> None:
        self.stamp, self.since, self.proven = stamp, since, proven
        self.others = Others()


def _dense(tensor: torch.Tensor) -> bool:
    return tensor.device.type != "meta" and not tensor.is_quantized
