"""Have the other threads had their chance? Time that passes while they wait for a processor proves nothing.

On a busy machine a thread between two writes to the weights may stand still for longer than any pause we make.
Where the system tells (Linux), such a thread is one that could run and has hardly been run.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

ENOUGH = 0.002
"""Seconds of processor after which a thread has gone on, or is inside one long operation."""


class Others:
    """The other threads' processor time since this was made."""

    def __init__(self) -> None:
        self._used = _used()

    def stalled(self) -> bool:
        """Whether some thread could run and has had less than :data:`ENOUGH`."""
        now = _used()
        return any(
            seconds - self._used.get(thread, seconds) < ENOUGH and _runnable(thread) for thread, seconds in now.items()
        )


def _used() -> dict[int, float]:
    """Native id → processor seconds of every other living thread."""
    clock = getattr(time, "pthread_getcpuclockid", None)
    if clock is None:
        return {}
    own = threading.get_ident()
    # a thread in this list needs Python's lock to leave it, and so lives while we read
    return {
        thread.native_id: time.clock_gettime(clock(thread.ident))
        for thread in threading.enumerate()
        if thread.ident is not None and thread.native_id is not None and thread.ident != own
    }


def _runnable(thread: int) -> bool:
    try:
        stat = Path(f"/proc/self/task/{thread}/stat").read_text()
    except OSError:  # ended, or not Linux
        return False
    return stat.rpartition(")")[2].split()[0] == "R"
