"""Side effects of a network's forward: seen at first contact, and minded at every pass after."""

from __future__ import annotations

import pickle
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np
import torch

from nbviz.replica.user_code.calls import watched
from nbviz.replica.user_code.quiet import Caught


class Conduct:
    """Side effects of one network, for all its replicas."""

    def __init__(self) -> None:
        self.writes_input = False
        self.writes_itself = False
        """Whether its attributes, containers or private buffers are others after a pass."""
        self.draws: set[str] = set()
        """Global random streams that it draws from, or seeds, by name; torch's drawing operations aside."""
        self.caught = Caught()

    @contextmanager
    def input(self, batch: torch.Tensor, first: bool) -> Iterator[torch.Tensor]:
        """The batch to hand over: a copy, no leaf, for a network that writes to its input or may do so."""
        given = batch.clone() if first or self.writes_input else batch
        before = None if given.is_inference() else given._version
        yield given
        if before is not None and given._version != before:
            self.writes_input = True

    @contextmanager
    def streams(self, first: bool) -> Iterator[None]:
        """Put the global random streams back to where they were, those that the network draws from.

        They are told by the calls that a first contact makes: another thread may draw from them meanwhile, and what
        it drew must not be taken back.
        """
        if not first and not self.draws:
            yield
            return
        before = {name: stream.state() for name, stream in STREAMS.items()}
        for name in self.draws:  # the same request has the same answer
            STREAMS[name].seed(0)
        sight = _Sight()
        try:
            with watched(sight.see) if first else nullcontext(True) as seen:
                yield
        finally:
            if first:
                moved = {name for name, stream in STREAMS.items() if not _equal(stream.state(), before[name])}
                self.draws |= moved & sight.drawn() if seen else moved
            for name in self.draws:
                STREAMS[name].put_back(before[name])


class _Stream(NamedTuple):
    """A global random stream."""

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


class _Sight:
    """Streams that the calls of this thread draw from."""

    def __init__(self) -> None:
        self._called: set[str] = set()
        self._codes: set[CodeType] = set()
        # numpy's functions are seen by no profiler; where a cell waits for us, only we can have drawn
        self._alone = threading.current_thread() is threading.main_thread()

    def see(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            self._called.add(_SOURCES.get(id(getattr(function, "__self__", None)), ""))
        elif event == "call" and frame.f_code not in self._codes:
            self._codes.add(frame.f_code)
            if _names_numpys(frame.f_code.co_names, frame.f_globals):
                self._called.add("numpy")

    def drawn(self) -> set[str]:
        return self._called | ({"numpy"} if self._alone else set())


def _names_numpys(names: tuple[str, ...], names_at: Mapping[str, Any]) -> bool:
    """Whether code that uses these names may call a function of ``numpy.random``."""
    values = [names_at.get(name) for name in names]
    if "random" in names and ("numpy" in names or any(value is np for value in values)):
        return True
    return any(value is np.random or type(value) is type(np.random.rand) for value in values)


def _equal(one: object, other: object) -> bool:
    return pickle.dumps(one) == pickle.dumps(other)
