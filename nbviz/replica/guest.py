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
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
from torch import nn

from nbviz.errors import NbvizError, Refused
from nbviz.replica.copying.foreign_calls import ForeignCalls
from nbviz.replica.copying.refusals import checked_device
from nbviz.replica.forward import Pass as Pass
from nbviz.replica.memory import free, out_of_memory
from nbviz.replica.observer import Look, Observer
from nbviz.replica.replica import Replica, TensorMap, attributes, replica
from nbviz.replica.torch_modes import isolated, isolated_steps
from nbviz.replica.user_code.state import State
from nbviz.replica.user_code.user_hooks import HookActs, Hooks
from nbviz.replica.user_code.write_guard import Guard, WeightsWritten
from nbviz.replica.watching.watch import Watch

T = TypeVar("T")
SNAPSHOT_TRIES = 4


class Guest(Observer):
    """Runs a user's module without leaving a trace on it. Thread-safe."""

    def __init__(self, net: Any, device: str | torch.device = "auto", hooks: Hooks = "auto") -> None:
        super().__init__(net, hooks)
        self._asked = checked_device(device)
        self._private: set[int] = set()
        self._prepare: Callable[[nn.Module], None] | None = None
        self.random = False
        self.note = ""
        """Sentence on what had to be done differently (memory ran out on the accelerator, …)."""

    @property
    def notes(self) -> list[str]:
        """Sentences about how the network is run, for the user to read."""
        return [note for note in (self.note, self.hooks.note, self.conduct.caught.note, self.conduct.note) if note]

    def variant(self, prepare: Callable[[nn.Module], None]) -> Guest:
        """Return a guest of the same network whose replicas are each handed to ``prepare`` once, to be hooked."""
        twin = copy(self)
        twin._lock, twin._local = threading.RLock(), threading.local()  # noqa: SLF001 - our own
        twin._prepare, twin._spare = prepare, None  # noqa: SLF001 - our own
        return twin

    def _replica(self, mapping: TensorMap | None, first: bool = False) -> Replica:
        """Return a replica ready to run; that of the first contact has aliases of the tensors it shares."""
        made = None if first else self._take_spare()
        if made is None or mapping is not None or self._watch.inference:
            made = replica(self._module, mapping, self.hooks, aliases=first)
        if self._prepare is not None:
            self._prepare(made.net)
        return made

    def _state(self, made: Replica) -> State:
        return State(made.objects, [mine for key, mine in made.tensors if key in self._private])

    def forget(self) -> None:
        """Let go of the replicas; they are made again when needed."""
        with self._lock:
            self._local, self._spare = threading.local(), None

    @property
    def module(self) -> nn.Module:
        """User's own network, inside any wrapper; to be read, never to be run or changed."""
        return self._module

    @property
    def home(self) -> torch.device:
        """Device of the user's weights."""
        first = next(iter(self._module.parameters()), None)
        first = next(iter(self._module.buffers()), None) if first is None else first
        return torch.device("cpu") if first is None else first.device

    @property
    def device(self) -> torch.device:
        """Device where passes run."""
        return self.home if self._asked == "auto" else torch.device(self._asked)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the first floating weight: what the network takes."""
        floats = (t for t in self._module.parameters() if t.is_floating_point())
        first = next(floats, None)
        return torch.float32 if first is None else first.dtype

    def fingerprint(self, reread: bool = False) -> tuple[int, bytes]:
        """Return the key of the network as it is now: structure revision and a digest of the weights.

        A network of more than two million values is read whole when its versions or a sample of its values have
        changed, by :meth:`read_on`, and if told to by ``reread``.
        """
        revision, watch = self._look()
        return revision, watch.contents(reread)

    def read_on(self) -> bool:
        """Read a large network's weights for about a millisecond; whether there is more to read."""
        return self._look()[1].read_on()

    def _pass(self, revision: int, watch: Watch, first: bool = False) -> Pass:
        # shared tensors follow the user's; copies are of one version of theirs only
        copied = watch.all_values() if self.device != self.home else watch.values_of(frozenset(self._private))
        key = (revision, self.device, frozenset(self._private), copied, first)
        local, minded = self._local, first or self.conduct.writes_itself
        if getattr(local, "key", None) != key:
            local.replica, local.state, local.key = self._replica(self._mapping(), first), None, key
            local.net = local.replica.net
        if minded and local.state is None:
            local.state = self._state(local.replica)
        return Pass(local.net, self.device, self.random, conduct=self.conduct, state=local.state if minded else None)

    def _mapping(self) -> TensorMap | None:
        if self.device != self.home:
            return lambda t: t.to(self.device, copy=True)
        if not self._private:
            return None
        owned = {t.data_ptr() for t in self._watch.tensors if id(t) in self._private}
        return lambda t: t.clone() if t.data_ptr() in owned or t.is_inference() else t

    def trial(self, work: Callable[[Pass], T]) -> T:
        """Run ``work`` at first contact under the :class:`Guard`, with private copies of what the network writes."""
        device = self.device
        try:
            return self._trial(work)
        except RuntimeError as error:
            self._leave(device, error)
        free(device)
        return self._trial(work)

    def _trial(self, work: Callable[[Pass], T]) -> T:
        while True:
            revision, watch = self._look()
            guard = Guard(watch.tensors)
            foreign: ForeignCalls | None = None
            copies: dict[int, int] = {}
            try:
                with guard, isolated():
                    run = self._pass(revision, watch, first=True)
                    own = [(key, mine) for key, mine in self._local.replica.tensors if key not in self._private]
                    before = [attributes(mine) for _, mine in own]
                    copies = {id(mine): key for key, mine in own}
                    guard.protect(mine for _, mine in own)
                    foreign = ForeignCalls(self._local.replica.modules, guard.protect, guard.refuse)
                    answer = work(replace(run, foreign=foreign))
            except WeightsWritten as written:
                key = copies.get(id(written.tensor), id(written.tensor))
                if key in self._private:
                    raise _unprotectable(foreign) from None
                self._private.add(key)
                continue
            except HookActs:
                continue
            refusal = foreign.refusal()
            if refusal is not None:
                raise refusal
            moved = {key for (key, mine), was in zip(own, before, strict=True) if attributes(mine) != was}
            self._private |= moved
            if moved:
                continue
            self.random = guard.random
            self.conduct.writes_itself |= foreign.gradient_hooks
            if run.state is not None:
                run.state.put_back()
                self.conduct.writes_itself |= run.state.written
                self.conduct.draws_own |= run.state.draws
            return answer

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

    def _leave(self, device: torch.device, error: RuntimeError) -> None:
        """Move passes to the CPU after memory ran out on a device; any other error is raised again."""
        if not out_of_memory(error):
            raise error
        if device.type == "cpu":
            raise NbvizError(f"Memory ran out: {error}") from error
        self.note = f"memory ran out on {device}; computed on the CPU instead"
        self._asked = "cpu"
        self._local.__dict__.clear()

    def _attempts(self, work: Callable[[Pass], Iterator[T]]) -> Iterator[T]:
        while True:
            try:
                yield from self._attempts_of(work)
                return
            except HookActs:  # each hook found to act costs a round, and no version of the weights
                continue

    def _attempts_of(self, work: Callable[[Pass], Iterator[T]]) -> Iterator[T]:
        for run, look, unchanged in self._versions():
            holding = partial(self._holding, look)
            try:
                with isolated(), holding():  # what is no generator does some of its work at once
                    answers = work(run)
                for answer in isolated_steps(answers, holding):
                    if not unchanged():
                        break
                    yield answer
                else:
                    return
            except RuntimeError:
                # autograd refuses weights modified between forward and backward
                if unchanged():
                    raise
            finally:
                run.rest()

    def _versions(self) -> Iterator[tuple[Pass, Look, Callable[[], bool]]]:
        """Yield the network itself, as long as nobody trains it, then a snapshot."""
        for again in range(2):
            if again:
                self._local.look = None
            look = self._look()
            watch = look[1]
            before = None if watch.steps.recent() else watch.quiet()
            if before is None:
                break
            yield self._pass(*look), look, partial(_unchanged, watch, before)
        made = self._snapshot()
        state = self._state(made) if self.conduct.writes_itself else None
        run = Pass(made.net, self.device, self.random, True, conduct=self.conduct, state=state)
        yield run, self._look(), lambda: True

    def _snapshot(self) -> Replica:
        for _ in range(SNAPSHOT_TRIES):
            watch = self._look()[1]
            made = watch.steps.at_end(self._copy) if watch.steps.recent() else None
            made = self._quiet_copy(watch) if made is None else made
            if made is not None:
                return made
        raise NbvizError(
            "The weights change faster than they can be read: no map of one version could be made. "
            "Press refresh when the training pauses."
        )

    def _quiet_copy(self, watch: Watch) -> Replica | None:
        before = watch.quiet()
        if before is None:
            return None
        made = self._copy()
        return made if watch.stamp() == before else None

    def _copy(self) -> Replica:
        made = self._replica(lambda t: t.to(self.device, copy=True))
        if self.home.type == "cuda":
            torch.cuda.synchronize(self.home)
        return made


def _unprotectable(foreign: ForeignCalls | None) -> Refused:
    refusal = foreign.refusal("writes to its own weights in") if foreign is not None else None
    return refusal or Refused(
        "The network writes to its own weights through an object that can't be copied, "
        "so it can't be run without changing it."
    )


def _unchanged(watch: Watch, before: tuple[Hashable, ...]) -> bool:
    return watch.stamp() == before
