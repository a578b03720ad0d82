"""Processor time of the other threads: time that passes while they wait for a processor proves nothing.

On a busy machine a thread between two writes to the weights may stand still for longer than any pause we make.
Where the system tells (Linux), such a thread is one that could run and has hardly been run.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

OURS = "nbviz"
"""How the names of threads begin that never write to anybody's weights."""
ENOUGH = 0.002
"""Seconds of processor after which a thread has gone on, or is inside one long operation."""


class Others:
    """Processor time of the other threads since this was made."""

    def __init__(self) -> None:
        self._used = _used()

    def stalled(self) -> bool:
        """Return whether some thread could run and has had less than :data:`ENOUGH`."""
        now = _used()
        return any(
            seconds - self._used.get(thread, seconds) < ENOUGH and _runnable(thread) for thread, seconds in now.items()
        )


class ThreadActivity:
    """Work of threads that may be the user's, checked now and then."""

    def __init__(self) -> None:
        self._used: dict[int, float] = {}

    def seen(self) -> bool:
        """Return whether another thread had processor time since the last call; True if the system doesn't say."""
        before, self._used = self._used, _used(but=OURS)
        return not self._used or any(seconds != before.get(thread) for thread, seconds in self._used.items())


def _used(but: str | None = None) -> dict[int, float]:
    """Return native id → processor seconds of every other living thread, except names beginning with ``but``."""
    clock = getattr(time, "pthread_getcpuclockid", None)
    if clock is None:
        return {}
    own = threading.get_ident()
    # a thread in this list needs Python's lock to leave it, and so lives while we read
    return {
        thread.native_id: time.clock_gettime(clock(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None
        and thread.native_id is not None
        and thread.ident != own
        and not (but and thread.name.startswith(but))
    }


def _runnable(thread: int) -> bool:
    try:
        stat = Path(f"/proc/self/task/{thread}/stat").read_text()
    except OSError:  # ended, or not Linux
        return False
    # behind the last bracket: a thread's name may hold brackets and spaces
    return stat.rpartition(")")[2].split()[0] == "R"
