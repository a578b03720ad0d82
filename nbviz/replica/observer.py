"""Observer of a network's structure for passes on any thread: once a pass, as a look takes half a millisecond."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from torch import nn

from nbviz.replica.replica import Replica, instrumentable, replica
from nbviz.replica.user_code.conduct import Conduct
from nbviz.replica.user_code.user_hooks import Hooks, UserHooks
from nbviz.replica.watching.watch import Watch

Look = tuple[int, Watch]
"""Changes of structure seen so far, and the watch over the network as it is now."""


MOST_FORMER = 2
"""Structures that are known again when they come back."""


class _Former(NamedTuple):
    """Structure that the network had before."""

    number: int
    module: weakref.ref[nn.Module]
    watch: Watch


class Observer:
    """Watches a user's module, inside whatever wrappers it has. Thread-safe."""

    def __init__(self, net: nn.Module, hooks: Hooks) -> None:
        self.net = net
        self.hooks = UserHooks(hooks)
        self._module = instrumentable(net)
        self._lock = threading.RLock()
        self._local = threading.local()
        self._structures = [0]
        self._former: list[_Former] = []
        self.conduct = Conduct()
        self._spare: Replica | None = None
        self._watching: Watch | None = self._watched()  # here, so that what can't be copied is refused at once

    @property
    def _watch(self) -> Watch:
        """Watch over the network; after :meth:`forget` it is made again, of the network as it is then."""
        if self._watching is None:
            self._watching = self._watched()
        return self._watching

    def forget(self) -> None:
        """Drop the replicas and all that was read of the network; both are made again when needed."""
        with self._lock:
            self._local, self._spare, self._watching, self._former = threading.local(), None, None, []
            self._structures.append(max(self._structures) + 1)  # what changes from now on is not seen

    def _watched(self) -> Watch:
        """Return a watch over the network; its walk over all tensors makes the first replica, too."""

        def spare() -> Replica:
            self._spare = replica(self._module, None, self.hooks, aliases=True)
            return self._spare

        return Watch(self._module, spare)

    def _take_spare(self) -> Replica | None:
        with self._lock:
            # one thread takes it: a replica is never shared
            spare, self._spare = self._spare, None
            return spare

    @property
    def revision(self) -> int:
        """Counts the changes of structure seen so far."""
        return self._look()[0]

    @property
    def changes(self) -> int:
        """Changes of structure seen so far, without a look."""
        return len(self._structures) - 1

    def structure_at(self, revision: int) -> int:
        """Return the number of the structure at a revision: one that comes back has the number that it had.

        A revision never comes back, so that no answer from in between is taken for one of the structure before it.
        """
        return self._structures[revision]

    def _look(self) -> Look:
        held: Look | None = getattr(self._local, "look", None)
        if held is not None:
            return held
        with self._lock:
            if not self._watch.still(self.conduct.draws_own):
                self._change()
            return self.changes, self._watch

    def _change(self) -> None:
        """Watch the network as it is now; a structure that has come back is known again."""
        former = [*self._former, _Former(self._structures[-1], weakref.ref(self._module), self._watch)]
        # a wrapper may hold another network now, or one that can't be copied
        self._module = module = instrumentable(self.net)
        self.hooks.forget()
        same = [one for one in former if one.module() is module]
        back = next((one for one in same if one.watch.still(self.conduct.draws_own)), None)
        if back is None:
            self._watching = watch = self._watched()
            # what is large or may be somebody's own is not kept for the case that it comes back
            self._former = [one for one in same if one.watch.is_within(watch)][-MOST_FORMER:]
            self._structures.append(max(self._structures) + 1)
        else:
            self._watching, self._spare = back.watch, None
            self._former = [one for one in self._former if one.module() is module and one is not back]
            self._structures.append(back.number)

    def one_look(self) -> AbstractContextManager[None]:
        """Look at the structure once for all that this thread does within; a pass run again looks anew."""
        return self._holding(self._look())

    @contextmanager
    def _holding(self, look: Look) -> Iterator[None]:
        # looks lie in each other: the outermost decides for the whole pass
        outer, self._local.look = getattr(self._local, "look", None), look
        try:
            yield
        finally:
            self._local.look = outer
