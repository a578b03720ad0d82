"""Conduct of a network: side effects of its forward, found at first contact and contained at every pass after."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import CodeType, FrameType, MethodType
from typing import Any, NamedTuple

import numpy as np
import torch

from nbviz.replica.user_code.calls import watched
from nbviz.replica.user_code.outside import Outside
from nbviz.replica.user_code.quiet import Caught, quiet
from nbviz.replica.user_code.streams import Place, forward_imported, own_streams


class Conduct:
    """Side effects of one network, for all its replicas."""

    def __init__(self) -> None:
        self.writes_input = False
        self.writes_itself = False
        """True if its attributes, containers or private buffers are others after a pass."""
        self.writes_arrays = False
        """True if it writes to large arrays that it holds, or to such that lie over its tensors."""
        self.draws_own = False
        """True if it draws from random streams that it holds."""
        self.draws: set[str] = set()
        """Global random streams that it draws from, or seeds, by name; torch's drawing operations aside."""
        self.may_draw: set[str] = set()
        """Those that its code names, whether it has drawn from them or not."""
        self.direct: set[str] = set()
        """Those of them that it draws from by a function that it holds: put back after a pass."""
        self._imported: dict[tuple[int, str], Place] = {}
        self.python_backward = False
        """True if a backward through it may run Python code: hooks of tensors, functions of one's own, checkpoints."""
        self._backward_met = False
        self.caught = Caught()
        self.outside = Outside()

    @contextmanager
    def input(self, batch: torch.Tensor, first: bool) -> Iterator[torch.Tensor]:
        """Return the batch to hand over: a copy, no leaf, for a network that writes to its input or may do so."""
        # the batch is the caller's, which runs it again
        given = batch.clone() if first or self.writes_input else batch
        before = None if given.is_inference() else given._version
        yield given
        if before is not None and given._version != before:
            self.writes_input = True

    @contextmanager
    def streams(self, first: bool) -> Iterator[None]:
        """Return random streams of the pass's own, for a network that draws from global ones or may do so."""
        if not first and not self.draws and not self.may_draw:
            yield
            return
        with self._own_streams(first):
            yield

    @contextmanager
    def backward(self) -> Iterator[None]:
        """Contain a backward on this thread: what it prints, draws, and writes to places that a forward writes to."""
        first, self._backward_met = not self._backward_met, True
        with quiet(self.caught), self._own_streams(first), self.outside.restored(None):
            yield

    @contextmanager
    def _own_streams(self, first: bool) -> Iterator[None]:
        with own_streams(list(self._imported.values())) as streams, self._put_back(first):
            yield
        self.draws |= streams.used | self.direct

    @contextmanager
    def _put_back(self, first: bool) -> Iterator[None]:
        """Put the global streams that the network draws from all the same back to where they were.

        They are told by the calls that a first contact makes: another thread may draw from them meanwhile, and what
        it drew must not be taken back.
        """
        if not first and not self.direct:
            yield
            return
        before = {name: stream.state() for name, stream in STREAMS.items()}
        for name in self.direct:  # the same request has the same answer
            STREAMS[name].seed(0)
        sight = _Sight(self._imported)
        try:
            with watched(sight.see) if first else nullcontext(True) as seen:
                yield
        finally:
            if first:
                moved = {name for name, stream in STREAMS.items() if not _equal(stream.state(), before[name])}
                self.direct |= moved & sight.drawn() if seen else moved
            for name in self.direct:
                # in finally: also where the forward raised or was interrupted
                STREAMS[name].put_back(before[name])

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about side effects, "" for those that there are none of."""
        return self.caught.note, self.note, self.outside.note

    @property
    def note(self) -> str:
        """Sentence about side effects that can't be contained for certain; "" where there are none."""
        if not self.direct:
            return ""
        return (
            f"the network draws from the global random stream of {' and '.join(sorted(self.direct))} by a function "
            "that it holds, so numbers that other threads draw meanwhile may come again; a call by the module's "
            "name, such as random.random(), would not do that"
        )


class _Stream(NamedTuple):
    """Global random stream."""

    state: Callable[[], Any]
    put_back: Callable[[Any], object]
    seed: Callable[[int], object]


STREAMS = {
    "python": _Stream(random.getstate, random.setstate, random.seed),
    "numpy": _Stream(np.random.get_state, np.random.set_state, np.random.seed),
    "torch": _Stream(torch.get_rng_state, torch.set_rng_state, torch.default_generator.manual_seed),
}
_SOURCES = {id(getattr(random.random, "__self__", None)): "python", id(torch.default_generator): "torch"}
"""Objects whose methods draw from a global stream, by address."""
_NUMPYS = np.random.rand.__self__  # type: ignore[attr-defined]


class _Sight:
    """Record of streams that the calls of this thread draw from themselves, not forwarded."""

    def __init__(self, imported: dict[tuple[int, str], Place]) -> None:
        """imported: takes the places where functions of a global stream were imported by name."""
        self._imported = imported
        self._called: set[str] = set()
        self._codes: dict[int, CodeType] = {}

    def see(self, frame: FrameType, event: str, function: object) -> None:
        if event == "c_call":
            self._called.add(_SOURCES.get(id(getattr(function, "__self__", None)), ""))
        elif id(frame.f_code) not in self._codes:
            self._codes[id(frame.f_code)] = frame.f_code
            # before it has run: it looks them up by these names
            for name in frame.f_code.co_names:
                if forward_imported(frame.f_globals, name):
                    self._imported[id(frame.f_globals), name] = frame.f_globals, name
            # numpy's functions are seen by no profiler
            values = (frame.f_globals.get(name) for name in frame.f_code.co_names)
            if any(getattr(value, "__self__", None) is _NUMPYS for value in values if type(value) is MethodType):
                self._called.add("numpy")

    def drawn(self) -> set[str]:
        return self._called


def _equal(one: object, other: object) -> bool:
    # a tensor's pickle holds its address
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    return pickle.dumps(one) == pickle.dumps(other)
