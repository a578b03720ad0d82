"""First contact with a network: a pass under watch, which finds what a replica must have of its own.

Whatever the network would write to, call or draw from that is the user's is found here, before it happens, and copied
or refused; every pass after relies on it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import nn

from nbviz.errors import NbvizError, Refused
from nbviz.replica.copying.arrays import ReadOnly
from nbviz.replica.copying.copier import TensorMap
from nbviz.replica.copying.foreign_calls import ForeignCalls
from nbviz.replica.copying.memory_parts import addresses
from nbviz.replica.copying.refusals import checked_device
from nbviz.replica.forward import Pass as Pass
from nbviz.replica.heap import grown_heap
from nbviz.replica.memory import free, out_of_memory
from nbviz.replica.observer import Observer
from nbviz.replica.replica import Replica, attributes, replica
from nbviz.replica.torch_modes import isolated
from nbviz.replica.user_code.state import State
from nbviz.replica.user_code.user_hooks import HookActs, Hooks
from nbviz.replica.user_code.write_guard import Guard, WeightsWritten
from nbviz.replica.watching.surroundings import Surroundings
from nbviz.replica.watching.watch import Watch

T = TypeVar("T")


class _Attempt:
    """One run at first contact: what is watched, and how it was before."""

    def __init__(self, revision: int, watch: Watch) -> None:
        self.revision, self.watch = revision, watch
        self.guard, self.arrays = Guard(watch.tensors), ReadOnly()
        self.foreign: ForeignCalls | None = None
        self.state: State | None = None
        self.tensors: list[tuple[int, torch.Tensor]] = []
        """The replica's own tensors that lie in the user's memory, with the key of each of the user's."""
        self.attributes: list[Any] = []

    def check(self) -> None:
        """Raise Refused where modules were called that are not the replica's."""
        refusal = None if self.foreign is None else self.foreign.refusal()
        if refusal is not None:
            raise refusal


class Contact(Observer):
    """Runs a user's module on replicas, a first time under watch. Thread-safe."""

    def __init__(self, net: nn.Module, device: str | torch.device = "auto", hooks: Hooks = "auto") -> None:
        # before the first pass: its tensors decide how the allocator asks the system for memory
        grown_heap()
        super().__init__(net, hooks)
        self._device = checked_device(device)
        self._private: set[int] = set()
        self._prepare: Callable[[nn.Module], None] | None = None
        self._surroundings: tuple[int, Surroundings] | None = None
        self.random = False
        self.note = ""
        """Sentence on what had to be done differently (memory ran out on the accelerator, …)."""

    @property
    def notes(self) -> list[str]:
        """Sentences about how the network is run, for the user to read."""
        return [note for note in (self.note, self.hooks.note, *self.conduct.notes) if note]

    def _replica(self, mapping: TensorMap | None) -> Replica:
        """Return a replica ready to run, over aliases of the tensors that it shares."""
        copy = None if self.conduct.writes_arrays else self._take_spare()
        # the spare shares all tensors: of no use where some have to be copies
        if copy is None or mapping is not None or self._watch.inference:
            copy = replica(self._module, mapping, self.hooks, True, self.conduct.writes_arrays)
        if self._prepare is not None:
            self._prepare(copy.net)
        return copy

    def _state(self, copy: Replica) -> State:
        return State(copy.objects, [mine for key, mine in copy.tensors if key in self._private])

    def copied_key(self, key: object) -> nn.Module | None:
        """Return the module of this thread's replica that a table's key is, refers to weakly or has as its id."""
        copy: Replica | None = getattr(self._local, "replica", None)
        value = key() if isinstance(key, weakref.ReferenceType) else key
        modules = [] if copy is None else copy.modules
        return next((m for m in modules if m is value or (type(value) is int and value == id(m))), None)

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
        return self.home if self._device == "auto" else torch.device(self._device)

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
        return revision, watch.contents(reread) + self._around(revision)

    def _around(self, revision: int) -> bytes:
        """Return what tells apart the states of globals and classes that the network's code reads."""
        with self._lock:
            if self._surroundings is None or self._surroundings[0] != revision:
                self._surroundings = revision, Surroundings(self._module)
            count = self._surroundings[1].changes(self._module, self.conduct.outside.written)
        return count.to_bytes(4, "big")

    def read_on(self) -> bool:
        """Read a large network's weights for about a millisecond; whether there is more to read."""
        return self._look()[1].read_on()

    def _pass(self, revision: int, watch: Watch, first: bool = False) -> Pass:
        # shared tensors follow the user's; copies are of one version of theirs only
        device, private = self.device, frozenset(self._private)
        copied = watch.all_values() if device != self.home else watch.values_of(private)
        key = revision, device, private, copied
        local, minded = self._local, first or self.conduct.writes_itself
        if getattr(local, "key", None) != key:
            # the key last: an error in between leaves none, and the replica is made anew
            local.replica, local.state, local.key = self._replica(self._mapping()), None, key
            local.net = local.replica.net
        if minded and local.state is None:
            local.state = self._state(local.replica)
        state, tensors = local.state if minded else None, watch.tensors if self.conduct.python_backward else ()
        return Pass(local.net, device, self.random, conduct=self.conduct, state=state, tensors=tensors)

    def _mapping(self) -> TensorMap | None:
        if self.device != self.home:
            return lambda t: t.to(self.device, copy=True)
        if not self._private:
            return None
        owned = {addresses(t) for t in self._watch.tensors if id(t) in self._private}
        return lambda t: t.clone() if addresses(t) in owned or t.is_inference() else t

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
            attempt = _Attempt(*self._look())
            try:
                answer = self._run(attempt, work)
            # stopped before the write: a private copy of that tensor, and once more
            except WeightsWritten:
                self._own_written(attempt)
                continue
            except HookActs:
                continue
            except Exception:
                # a write to an array that can't be written to raises whatever the network makes of it
                if self._lets_write(attempt.arrays):
                    continue
                self._local.key = None  # what the forward wrote before it failed is on the replica
                raise
            attempt.check()
            if not self._own_moved(attempt):
                self._conclude(attempt)
                return answer

    def _run(self, attempt: _Attempt, work: Callable[[Pass], T]) -> T:
        """Run ``work`` under watch."""
        guard = attempt.guard
        with guard, isolated():
            run = self._pass(attempt.revision, attempt.watch, first=True)
            copy = self._local.replica
            attempt.tensors = [(key, mine) for key, mine in copy.tensors if key not in self._private]
            attempt.attributes = [attributes(mine) for _, mine in attempt.tensors]
            attempt.arrays = copy.read_only
            guard.protect(mine for _, mine in attempt.tensors)
            guard.protect(attempt.arrays.memory())
            foreign = ForeignCalls(copy.modules, guard.protect, guard.refuse, self.hooks.codes)
            attempt.foreign, attempt.state = foreign, run.state
            return work(replace(run, foreign=foreign))

    def _own_written(self, attempt: _Attempt) -> None:
        """Have a private copy of the tensor that a write was stopped at; raises Refused where it has one already."""
        written = attempt.guard.refused
        assert written is not None
        if self._lets_write(attempt.arrays, written):
            return
        key = next((key for key, mine in attempt.tensors if mine is written), id(written))
        if key in self._private:
            raise _unprotectable(attempt.foreign, written) from None
        self._private.add(key)

    def _own_written_late(self, written: torch.Tensor) -> None:
        """Have a private copy of a tensor that a backward would write to; raises Refused where it has one already."""
        key = id(written)
        if key in self._private or all(tensor is not written for tensor in self._watch.tensors):
            raise _unprotectable(None, written) from None
        self._private.add(key)

    def _own_moved(self, attempt: _Attempt) -> bool:
        """Have private copies of tensors that moved without a write (resized, set to other data); whether any did."""
        pairs = zip(attempt.tensors, attempt.attributes, strict=True)
        moved = {key for (key, mine), before in pairs if attributes(mine) != before}
        self._private |= moved
        return bool(moved)

    def _conclude(self, attempt: _Attempt) -> None:
        """Note how the network conducts itself, and put back what its forward wrote."""
        self.random |= attempt.guard.random  # a network may draw for some inputs alone
        if attempt.foreign is not None:
            # a branch not taken here may draw: for several pictures, or without gradients
            draws = attempt.foreign.sight.draws
            self.random |= "torch" in draws
            self.conduct.may_draw |= draws - {"torch"}
            # code that runs in a backward is not seen here, and may write to the network
            self.conduct.python_backward |= attempt.foreign.python_backward
            self.conduct.writes_itself |= self.conduct.python_backward
        if attempt.state is not None:
            attempt.state.put_back()
            self.conduct.writes_itself |= attempt.state.written
            self.conduct.draws_own |= attempt.state.draws

    def _leave(self, device: torch.device, error: RuntimeError) -> None:
        """Move passes to the CPU after memory ran out on a device; any other error is raised again."""
        if not out_of_memory(error):
            raise error
        if device.type == "cpu":
            raise NbvizError(f"Memory ran out: {error}") from error
        self.note = f"memory ran out on {device}; computed on the CPU instead"
        self._device = "cpu"
        # replicas on the device hold its memory
        self._local.__dict__.clear()

    def _lets_write(self, arrays: ReadOnly, written: torch.Tensor | None = None) -> bool:
        """Have replicas with arrays of their own from now on; False where that can't be the matter."""
        if not arrays.arrays or written is not None and not arrays.has(written):
            return False
        news = not self.conduct.writes_arrays
        self.conduct.writes_arrays = True
        self._local.key = None
        self._private |= arrays.owners
        return news


def _unprotectable(foreign: ForeignCalls | None, tensor: torch.Tensor) -> Refused:
    name = foreign.sight.tensors.get(id(tensor)) if foreign is not None else None
    if name is not None:
        return Refused(
            f"The network writes to a tensor that the global variable {name} holds, so it can't be run without "
            "changing that. Make it a buffer of the network: self.register_buffer(name, tensor)."
        )
    refusal = foreign.refusal("writes to its own weights in") if foreign is not None else None
    return refusal or Refused(
        "The network writes to its own weights through an object that can't be copied, "
        "so it can't be run without changing it."
    )
