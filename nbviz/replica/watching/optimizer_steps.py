"""Optimiser steps over a network's weights, seen through the hooks that ``torch.optim`` offers for all optimisers.

While a step runs the weights are of two versions at once. Steps are counted (a sequence lock), so that a pass
neither begins nor ends inside one; and work can be left for the end of the next step, where it is done by the
training thread itself: the one moment at which the weights surely are of one version.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Generic, TypeVar

import torch
from torch.optim.optimizer import (
    Optimizer,
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from nbviz.replica.interruption import waiting

T = TypeVar("T")
FIRST_INTERVAL, LONGEST_INTERVAL = 0.1, 3.0
STEP_FILE = Optimizer.profile_hook_step.__code__.co_filename


class Errand(Generic[T]):
    """Task at the end of a step, run by the thread that steps."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.done = threading.Event()
        self.answer: T | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        """Run it; an error is kept for the caller, for it must not end somebody's training."""
        try:
            self.answer = self._work()
        except Exception as error:
            self.error = error
        finally:
            self.done.set()


class Steps:
    """Counter of the optimiser steps over some tensors."""

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        self._ids = {id(t) for t in tensors}
        self._errands: list[Errand[Any]] = []
        self._running: dict[int, tuple[int, int]] = {}  # optimiser → thread, depth: a step may call its parent's
        self._ended = float("-inf")
        self.count = 0
        """Steps begun plus steps ended."""
        self.interval = FIRST_INTERVAL
        """Seconds between the ends of the last two steps, as far as they tell the pace."""
        self.thread: int | None = None
        """The thread that stepped last."""
        _follow(self)

    def recent(self) -> bool:
        """Return whether another thread is training these weights, as far as its pace tells."""
        return (bool(self._running) or self._patience() > 0) and self.thread != threading.get_ident()

    def _patience(self) -> float:
        return self._ended + max(0.2, 3 * self.interval) - time.monotonic()

    def settled(self, seconds: float) -> int:
        """Wait until no step is under way, and return the count. A step that lasts longer is not waited for."""
        deadline = time.monotonic() + seconds
        while self._running and time.monotonic() < deadline:
            # half a millisecond: a step of a small network takes about one
            time.sleep(0.0005)
            self._forget_raised()
        return self.count

    def at_end(self, work: Callable[[], T]) -> T | None:
        """Return ``work``'s result at the end of the next step; None if none ends in three times the usual interval."""
        errand = Errand(work)
        self._errands.append(errand)
        with waiting():
            if not errand.done.wait(max(0.1, self._patience())):
                try:
                    self._errands.remove(errand)
                except ValueError:  # the training thread has just taken it
                    # then it is being run, and ends soon
                    errand.done.wait()
        if errand.error is not None:
            raise errand.error
        return errand.answer

    def _forget_raised(self) -> None:
        # a step that raised never reports its end: its frame is gone
        frames = sys._current_frames()
        for optimizer, (thread, _) in list(self._running.items()):
            if not _inside_step(frames.get(thread)):
                self._running.pop(optimizer, None)
                self.count += 1

    def owns(self, optimizer: Optimizer) -> bool:
        """Return whether an optimiser moves any of these tensors."""
        return any(id(p) in self._ids for group in optimizer.param_groups for p in group["params"])

    def begin(self, optimizer: int, thread: int) -> None:
        """Note that a step begins."""
        self.thread = thread
        self._running[optimizer] = (thread, self._running.get(optimizer, (thread, 0))[1] + 1)
        self.count += 1

    def end(self, optimizer: int) -> None:
        """Note that a step ended, in this thread."""
        thread, depth = self._running.get(optimizer, (threading.get_ident(), 1))
        if depth > 1:
            self._running[optimizer] = (thread, depth - 1)
            return
        now = time.monotonic()
        self.interval = min(now - self._ended, LONGEST_INTERVAL) if self._ended > 0 else FIRST_INTERVAL
        self._ended, self.thread = now, thread
        while self._errands:
            # before the count: whoever reads it finds the weights of the step that has just ended
            self._errands.pop(0).run()
        self._running.pop(optimizer, None)
        self.count += 1


def _inside_step(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == STEP_FILE and frame.f_code.co_name == "wrapper":
            return True
        frame = frame.f_back
    return False


_followers: tuple[weakref.ref[Steps], ...] = ()
"""Replaced as a whole, so that a step in another thread may read it at any time."""
_stepping: dict[int, tuple[weakref.ref[Optimizer], int]] = {}
"""Steps under way, by optimiser; one that was interrupted stays until its optimiser is gone or steps again."""
_lock = threading.Lock()
_hooks: list[Any] = []


def _follow(steps: Steps) -> None:
    global _followers
    with _lock:
        if not _hooks:
            _hooks.append(register_optimizer_step_pre_hook(_begins))
            _hooks.append(register_optimizer_step_post_hook(_ends))
        _followers = (*(ref for ref in _followers if ref() is not None), weakref.ref(steps))
    # steps that began before this counter was there
    for ref, thread in list(_stepping.values()):
        optimizer = ref()
        if optimizer is not None and steps.owns(optimizer):
            steps.begin(id(optimizer), thread)


def _begins(optimizer: Optimizer, *_: object) -> None:
    key = id(optimizer)
    _stepping[key] = weakref.ref(optimizer, lambda _: _stepping.pop(key, None)), threading.get_ident()
    for steps in _owners(optimizer):
        steps.begin(id(optimizer), threading.get_ident())


def _ends(optimizer: Optimizer, *_: object) -> None:
    _stepping.pop(id(optimizer), None)
    for steps in _owners(optimizer):
        steps.end(id(optimizer))


def _owners(optimizer: Optimizer) -> list[Steps]:
    alive = (ref() for ref in _followers)
    return [steps for steps in alive if steps is not None and steps.owns(optimizer)]
