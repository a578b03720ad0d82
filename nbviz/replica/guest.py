"""Guest: the user's network as our threads run it, with replicas, the watch over its weights, device, snapshots.

A thread has its own replica, made again when the network's structure changes. Work is *steady* when the
weights did not move while it ran. Where they do, the pass is thrown away and run on a snapshot: a real copy, made
by the training thread at the end of an optimiser's step, or when the weights were still for a moment; the answer
says so. No answer ever mixes two versions of the weights.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from copy import copy
from functools import partial
from typing import TypeVar

import torch
from torch import nn

from nbviz.errors import NbvizError, Refused
from nbviz.replica.first_contact import Contact
from nbviz.replica.forward import Pass as Pass
from nbviz.replica.gradients import WrittenInBackward
from nbviz.replica.memory import free
from nbviz.replica.observer import Look
from nbviz.replica.replica import Replica
from nbviz.replica.torch_modes import isolated, isolated_steps
from nbviz.replica.user_code.user_hooks import HookActs
from nbviz.replica.watching.watch import Watch

T = TypeVar("T")
SNAPSHOT_TRIES = 4
OVERWRITTEN = "modified by an inplace operation"
"""Words of autograd's where a forward has written to what its backward needs."""
NO_BACKWARD = (
    "No gradient can be taken through this network: its forward writes to a tensor that the backward needs, as "
    "`x += …` or an in-place activation does to what a layer has read before. Write `x = x + …` there; a method "
    "without gradients, such as occlusion, works as it is."
)


class Guest(Contact):
    """Runs a user's module without leaving a trace on it. Thread-safe."""

    def variant(self, prepare: Callable[[nn.Module], None]) -> Guest:
        """Return a guest of the same network whose replicas are each handed to ``prepare`` once, to be hooked."""
        twin = copy(self)
        # a lock and replicas of its own: those of the other guest are not to be hooked
        twin._lock, twin._local = threading.RLock(), threading.local()  # noqa: SLF001 - our own
        twin._prepare, twin._spare = prepare, None  # noqa: SLF001 - our own
        return twin

    def steady(self, work: Callable[[Pass], T]) -> T:
        """Return ``work``'s answer over one version of the weights."""
        answer: T
        for answer in self.steadily(lambda run: iter([work(run)])):
            pass
        return answer

    def steadily(self, work: Callable[[Pass], Iterator[T]]) -> Iterator[T]:
        """Yield answers of ``work``, each over one version of the weights; a snapshot's when they are moving."""
        device = self.device
        try:
            yield from self._attempts(work)
            return
        except RuntimeError as error:
            self._leave(device, error)
        # not before: the error's frames hold tensors of the attempt
        free(device)
        yield from self._attempts(work)

    def _attempts(self, work: Callable[[Pass], Iterator[T]]) -> Iterator[T]:
        while True:
            try:
                yield from self._attempts_of(work)
                return
            except HookActs:  # each hook found to act costs a round, and no version of the weights
                continue
            except WrittenInBackward as signal:  # so does each tensor found to be written
                self._own_written_late(signal.tensor)

    def _attempts_of(self, work: Callable[[Pass], Iterator[T]]) -> Iterator[T]:
        for run, look, unchanged in self._versions():
            holding = partial(self._holding, look)
            try:
                with isolated(), holding():  # what is no generator does some of its work at once
                    answers = work(run)
                for answer in isolated_steps(answers, holding):
                    # nobody has seen this answer yet: it is thrown away with the version that it is of
                    if not unchanged():
                        break
                    yield answer
                else:
                    return
            except RuntimeError as error:
                # autograd refuses weights modified between forward and backward
                if unchanged():
                    if OVERWRITTEN in str(error):
                        raise Refused(NO_BACKWARD) from error
                    raise
            finally:
                run.rest()

    def _versions(self) -> Iterator[tuple[Pass, Look, Callable[[], bool]]]:
        """Yield the network itself, as long as nobody trains it, then a snapshot."""
        for again in range(2):
            # structure may have changed with the weights: look anew
            if again:
                self._local.look = None
            look = self._look()
            watch = look[1]
            # in training it would move within any pass: straight to the snapshot
            before = None if watch.steps.recent() else watch.quiet()
            if before is None:
                break
            yield self._pass(*look), look, partial(_unchanged, watch, before)
        snapshot = self._snapshot()
        state = self._state(snapshot) if self.conduct.writes_itself else None
        run = Pass(snapshot.net, self.device, self.random, True, conduct=self.conduct, state=state)
        yield run, self._look(), lambda: True

    def _snapshot(self) -> Replica:
        for _ in range(SNAPSHOT_TRIES):
            watch = self._look()[1]
            copy = watch.steps.at_end(self._copy) if watch.steps.recent() else None
            copy = self._quiet_copy(watch) if copy is None else copy
            if copy is not None:
                return copy
        raise NbvizError(
            "The weights change faster than they can be read: no map of one version could be made. "
            "Press refresh when the training pauses."
        )

    def _quiet_copy(self, watch: Watch) -> Replica | None:
        before = watch.quiet()
        if before is None:
            return None
        copy = self._copy()
        return copy if watch.stamp() == before else None

    def _copy(self) -> Replica:
        copy = self._replica(lambda t: t.to(self.device, copy=True))
        # the copy is queued only: the training thread must not step on before it is done
        if self.home.type == "cuda":
            torch.cuda.synchronize(self.home)
        return copy


def _unchanged(watch: Watch, before: tuple[Hashable, ...]) -> bool:
    return watch.stamp() == before
