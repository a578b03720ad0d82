"""The user's network as our threads run it: replicas, the watch over its weights, device, snapshots.

A thread has its own replica, made again when the network's structure changes. Work is *steady* when the
weights did not move while it ran: a pass over moving weights is thrown away and run on a snapshot, a real copy
taken between two optimiser steps, and the answer says so. No answer ever mixes two versions of the weights.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from nbviz.tensors.errors import NbvizError
from nbviz.tensors.guard import Guard, WeightsWritten
from nbviz.tensors.replica import replicate, tensors, unwrap
from nbviz.tensors.weights import Watch

T = TypeVar("T")
SNAPSHOT_TRIES = 5
MOVING_SECONDS = 3.0
"""For so long after weights moved during a pass, passes run on snapshots straight away."""


@dataclass(frozen=True)
class Pass:
    """A network ready to run on this thread, and whether it is a snapshot of one being trained."""

    net: nn.Module
    device: torch.device
    random: bool = False
    snapshot: bool = False

    def __call__(self, batch: torch.Tensor) -> Any:
        """The network's own output for a batch already on its device."""
        if not self.random:
            return self.net(batch)
        with Guard():
            return self.net(batch)


class Guest:
    """Runs a user's module without leaving a trace on it. Thread-safe."""

    def __init__(self, net: Any, device: str | torch.device = "auto") -> None:
        self.net = net
        self._module = unwrap(net)
        self._asked = device
        self._lock = threading.RLock()
        self._local = threading.local()
        self._made = 0
        self._private: set[int] = set()
        self._moving_until = 0.0
        self._watch = Watch(self._module)
        self.random = False
        self.note = ""
        """What had to be done differently, in words (memory ran out on the accelerator, …)."""

    @property
    def home(self) -> torch.device:
        """Where the user's weights are."""
        first = next(iter(self._module.parameters()), None)
        first = next(iter(self._module.buffers()), None) if first is None else first
        return torch.device("cpu") if first is None else first.device

    @property
    def device(self) -> torch.device:
        """Where passes run."""
        return self.home if self._asked == "auto" else torch.device(self._asked)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the first floating weight: what the network takes."""
        floats = (t for t in self._module.parameters() if t.is_floating_point())
        first = next(floats, None)
        return torch.float32 if first is None else first.dtype

    @property
    def revision(self) -> int:
        """Counts the changes of structure seen so far."""
        with self._lock:
            if not self._watch.still():
                self._module = unwrap(self.net)
                self._watch = Watch(self._module)
                self._made += 1
            return self._made

    def fingerprint(self) -> tuple[int, bytes]:
        """Key of the network as it is now: structure revision and a digest of the weights."""
        revision = self.revision
        return revision, self._watch.values()

    def _key(self) -> tuple[Any, ...]:
        # shared tensors follow the user's; copies are of one fingerprint only
        copies = bool(self._private) or self.device != self.home
        return (self.revision, self.device, frozenset(self._private), self.fingerprint() if copies else None)

    def _pass(self) -> Pass:
        key = self._key()
        if getattr(self._local, "key", None) != key:
            self._local.net = replicate(self._module, self._mapping())
            self._local.key = key
        return Pass(self._local.net, self.device, self.random)

    def _mapping(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        if self.device != self.home:
            return lambda t: t.to(self.device, copy=True)
        if not self._private:
            return None
        owned = {t.data_ptr() for t in tensors(self._module) if id(t) in self._private}
        return lambda t: t.clone() if t.data_ptr() in owned else t

    def trial(self, work: Callable[[Pass], T]) -> T:
        """First contact: run ``work`` under the :class:`Guard`, giving the replica private copies of what it writes."""
        while True:
            shared = [t for t in tensors(self._module) if id(t) not in self._private]
            try:
                with Guard(shared) as guard, isolated():
                    answer = work(self._pass())
                self.random = guard.random
                return answer
            except WeightsWritten as written:
                self._private.add(id(written.tensor))

    def steady(self, work: Callable[[Pass], T]) -> T:
        """``work``'s answer over one version of the weights."""
        answer: T
        for answer in self.steadily(lambda run: iter([work(run)])):
            pass
        return answer

    def steadily(self, work: Callable[[Pass], Iterator[T]]) -> Iterator[T]:
        """Answers of ``work``, each over one version of the weights; a snapshot's when they are moving."""
        try:
            yield from self._attempts(work)
        except torch.OutOfMemoryError as error:
            if self.device.type == "cpu":
                raise NbvizError(f"Memory ran out: {error}") from error
            self.note = f"memory ran out on {self.device}; computed on the CPU instead"
            self._asked = "cpu"
            torch.cuda.empty_cache()
            yield from self._attempts(work)

    def _attempts(self, work: Callable[[Pass], Iterator[T]]) -> Iterator[T]:
        for run, unchanged in self._versions():
            try:
                for answer in _isolated_steps(work(run)):
                    if not unchanged():
                        break
                    yield answer
                else:
                    return
            except RuntimeError:
                # autograd refuses weights modified between forward and backward
                if unchanged():
                    raise
            self._moving_until = time.monotonic() + MOVING_SECONDS

    def _versions(self) -> Iterator[tuple[Pass, Callable[[], bool]]]:
        for _ in range(0 if time.monotonic() < self._moving_until else 2):
            before = self._stamp()
            yield self._pass(), lambda before=before: self._stamp() == before
        yield self._snapshot(), lambda: True

    def _stamp(self) -> tuple[Any, ...]:
        steps = self._watch.await_step()
        return (*self.fingerprint(), steps)

    def _snapshot(self) -> Pass:
        for attempt in range(SNAPSHOT_TRIES):
            before = self._stamp()
            net = replicate(self._module, lambda t: t.to(self.device, copy=True))
            time.sleep(0.002 * (attempt + 1))  # lets a thread caught between two writes go on, so that it shows
            if self._stamp() == before:
                return Pass(net, self.device, self.random, snapshot=True)
        raise NbvizError(
            "The weights change faster than they can be read: no map of one version could be made. "
            "Press refresh when the training pauses."
        )


def _isolated_steps(answers: Iterator[T]) -> Iterator[T]:
    """Iterate with torch's thread-local modes as we need them inside, and as they were outside."""
    try:
        while True:
            with isolated():
                try:
                    answer = next(answers)
                except StopIteration:
                    return
            yield answer
    finally:
        close = getattr(answers, "close", None)
        if close is not None:
            close()


@contextmanager
def isolated() -> Iterator[None]:
    """Gradients on, inference mode and autocast off, whatever the caller is inside of; put back after."""
    enabled = torch.is_grad_enabled()
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
            if torch.cuda.is_available():
                with torch.autocast("cuda", enabled=False):
                    yield
            else:
                yield
    finally:
        torch.set_grad_enabled(enabled)
