"""Scheduler of requests: one worker, one slot per panel, the latest request wins.

Requests are generators, so the worker steps them: after every partial answer it looks whether the request is
still wanted, and serves newer ones first (a click on a layer is answered while integrated gradients still
sharpens). One that is dropped within a step ends before the network's next pass. Answers are handed over under the
lock that guards the widgets and the selection, so one that no longer belongs to the selection is never shown. Partial
answers go out at most ten times a second.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from nbviz.replica.interruption import Unwanted, unless, waiting
from nbviz.session.context import LiveContext
from nbviz.session.inline import Listener, Lock
from nbviz.session.memory import give_back
from nbviz.session.requests.base import Answer, Request

PARTIALS_A_SECOND = 10
IDLE_SECONDS = 0.8
IDLE_SHARE = 0.05
"""Seconds that a busy worker spends on what an idle one does, each :data:`IDLE_SECONDS`."""
LULL = 0.15
"""Seconds after an act before background work goes on: of a burst of acts each would wait for the end of a step."""
_ONE_AT_A_TIME = threading.Lock()
"""Steps of several Explorers take turns: together they would be no faster, and hold twice the memory."""


@dataclass(eq=False)
class Job:
    """Request in a slot."""

    slot: str
    request: Request
    answers: Iterator[Answer] | None = None
    last: Answer | None = None
    shown: float = 0.0
    """When the last partial went out, seconds."""


_OPEN: weakref.WeakSet[Scheduler] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:  # a worker in a forward when the interpreter goes would take the process down with it
    for scheduler in list(_OPEN):
        scheduler.close()


class Scheduler:
    """Worker thread and its slots; see the module."""

    def __init__(
        self, context: LiveContext, listener: Listener, slots: Sequence[str], lock: Lock, background: Sequence[str] = ()
    ) -> None:
        self.context, self.listener, self.lock = context, listener, lock
        self._rank = {slot: rank for rank, slot in enumerate(slots)}
        self._background = frozenset(background)
        self._requests: dict[str, Request] = {}
        self._jobs: dict[str, Job] = {}
        self._dropped: list[Job] = []
        self._changed = threading.Condition()
        self._closed = False
        self._idled = time.monotonic()
        self._asked = float("-inf")
        self._worker: threading.Thread | None = None
        _OPEN.add(self)

    def submit(self, slot: str, request: Request | None, renew: bool = False) -> None:
        """Submit a request to a slot: same as now, nothing; cached, shown at once; else the worker's next job.

        Call it with the lock held, or from a thread that may take it.
        """
        with self.lock:
            if self._requests.get(slot) == request and not renew:
                return
            if request is None or self._closed:
                self._drop(slot)
                self._requests.pop(slot, None)
                return
            if slot not in self._background:
                self._asked = time.monotonic()
            # before it is shown: what observers of the answer submit must find this one in place
            self._requests[slot], before = request, self._jobs.get(slot)
            known = self._known(slot, request)
            if known is None:
                self.listener.waiting(slot)
                self._start(Job(slot, request))
            else:
                self._show(slot, request, known, True)
                if self._jobs.get(slot) is before:  # what it showed may have asked for more
                    self._drop(slot)

    @property
    def busy(self) -> bool:
        """True if anything is being computed, background slots aside."""
        return bool(self._foreground())

    @property
    def at_rest(self) -> bool:
        """True if nothing is being computed, in background slots neither."""
        return not self._jobs

    def _foreground(self) -> list[Job]:
        return [job for job in list(self._jobs.values()) if job.slot not in self._background]

    def cancel(self, slot: str) -> bool:
        """Drop what a slot is computing; return whether there was anything."""
        with self.lock:
            self._requests.pop(slot, None)
            return self._drop(slot)

    def wait(self, timeout: float | None = None, background: bool = False) -> bool:
        """Wait until every slot has its answer, ``background`` ones too; False when ``timeout`` (seconds) ran out."""
        end = None if timeout is None else time.monotonic() + timeout
        left_over = (lambda: list(self._jobs)) if background else self._foreground
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            with waiting(), self._changed:
                if not self._changed.wait_for(lambda: not left_over() or self._closed, left):
                    return False
            with self.lock:  # what is being shown may ask for more
                if self._closed or not left_over():
                    return True

    def close(self) -> None:
        """End the worker; what it computes is dropped. Returns when it is gone, unless called from it."""
        with self._changed:
            self._closed = True
            self._jobs.clear()
            self._requests.clear()
            self._changed.notify_all()
        _OPEN.discard(self)
        worker = self._worker
        if worker is not None and worker is not threading.current_thread():
            # not for ever: a forward of the user's may hang, and closing must not
            worker.join(timeout=5)

    # -- the caller's side ----------------------------------------------------------------------------

    def _known(self, slot: str, request: Request) -> Answer | None:
        try:
            return self.context.known(request)
        except Exception:  # a broken model is reported where it is run, by the worker
            return None

    def _start(self, job: Job) -> None:
        with self._changed:
            # in one step: whoever waits must not find the slot empty in between
            if job.slot in self._jobs:
                self._dropped.append(self._jobs[job.slot])
            self._jobs[job.slot] = job
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="nbviz worker", daemon=True)
                self._worker.start()
            self._changed.notify_all()

    def _drop(self, slot: str) -> bool:
        with self._changed:
            job = self._jobs.pop(slot, None)
            if job is not None:
                self._dropped.append(job)
            self._changed.notify_all()
            return job is not None

    # -- the worker's side ----------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            job, closed = self._next()
            self._close_dropped()
            if closed:
                return
            if job is not None:
                if job.answers is None:
                    with self.lock:  # the act that asks is painted first: beside a forward that takes twice as long
                        pass
                # never while self.lock is held: whoever paints would wait for another Explorer's step
                with _ONE_AT_A_TIME:
                    self._step(job)
            if time.monotonic() - self._idled >= IDLE_SECONDS:
                self._idle()
            # it would hold its answers until the next one comes
            del job
            if not self._jobs:  # between two steps of a method the next would fetch it all again, page by page
                give_back()

    def _idle(self) -> None:
        """Call the listener's ``idle`` until it has had enough, as long as nobody waits for a first answer."""
        end = time.monotonic() + IDLE_SHARE
        more = True
        while more and not self._closed:
            with self.lock:
                more = bool(self._guarded(self.listener.idle))
            jobs = list(self._jobs.values())
            if any(job.answers is None for job in jobs) or (jobs and time.monotonic() > end):
                break
            time.sleep(0)  # whoever waits for the lock gets it
        self._idled = time.monotonic()

    def _next(self) -> tuple[Job | None, bool]:
        """Return the job to step: new ones first, by the slots' order, background last; None when idle for a while."""
        with self._changed:
            patience = self._lull() if self._jobs else IDLE_SECONDS
            self._changed.wait_for(lambda: self._ready() or self._closed or self._dropped, patience)
            return min(self._ready(), key=self._urgency, default=None), self._closed

    def _ready(self) -> list[Job]:
        """Return the jobs that may be stepped now."""
        return self._foreground() or ([] if self._lull() else list(self._jobs.values()))

    def _lull(self) -> float:
        """Return the seconds for which background work still waits."""
        return max(0.0, self._asked + LULL - time.monotonic())

    def _urgency(self, job: Job) -> tuple[bool, bool, int]:
        known = job.slot in self._rank  # slots that come and go stand behind, one after another
        return job.slot in self._background, job.answers is not None or not known, self._rank.get(job.slot, 99)

    def _close_dropped(self) -> None:
        with self._changed:
            # closed by the worker, which runs them: a generator can't be closed while it runs
            dropped, self._dropped = self._dropped, []
        for job in dropped:
            close = getattr(job.answers, "close", None)
            if close is not None:
                self._guarded(close)

    def _step(self, job: Job) -> None:
        try:
            with unless(lambda: self._jobs.get(job.slot) is not job):
                if job.answers is None:
                    job.answers = self.context.answers(job.request)
                job.last = next(job.answers)  # one step at a time: a click is answered between two of them
                while _final(job.last):  # it only has to end: no other job may come between it and its place
                    job.last = next(job.answers)
        except StopIteration:
            self._finish(job)
        except Unwanted:  # dropped within the step
            pass
        except BaseException as error:  # a user's code may call sys.exit: it ends that answer, not the worker
            self._fail(job, error)
        else:
            self._partial(job)

    def _partial(self, job: Job) -> None:
        now = time.monotonic()
        # a browser draws ten pictures a second, and each costs the kernel as much as a step
        if now - job.shown >= 1 / PARTIALS_A_SECOND:
            job.shown = now
            with self.lock:
                if self._jobs.get(job.slot) is job:
                    self._show(job.slot, job.request, job.last, False)

    def _finish(self, job: Job) -> None:
        with self.lock:
            if self._jobs.get(job.slot) is job:
                self._show(job.slot, job.request, job.last, True)
                self._done(job)

    def _fail(self, job: Job, error: BaseException) -> None:
        with self.lock:
            if self._jobs.get(job.slot) is job:
                self._guarded(lambda: self.listener.failed(job.slot, job.request, error))
                self._done(job)

    def _done(self, job: Job) -> None:
        with self._changed:
            if self._jobs.get(job.slot) is job:  # what it showed may have asked for more
                del self._jobs[job.slot]
            settled = job.slot not in self._background and not self._foreground()
            self._changed.notify_all()
        if settled:
            self._guarded(self.listener.settled)

    def _show(self, slot: str, request: Request, answer: object, final: bool) -> None:
        try:
            self.listener.answered(slot, request, answer, final)
        except Exception as error:  # painting failed: said in the panel's strip, the worker lives on
            failure = error
            self._guarded(lambda: self.listener.failed(slot, request, failure))

    def _guarded(self, call: Callable[[], object]) -> object:
        """Keep the worker alive whatever a callback does, and log what happened."""
        try:
            return call()
        except Exception:
            logging.getLogger("nbviz").exception("a panel could not be updated")
            return None


def _final(answer: object) -> bool:
    return getattr(getattr(answer, "attribution", answer), "done", 1.0) >= 1.0
