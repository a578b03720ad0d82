"""Memory given back to the system: what a backward pass freed stays with the process until then.

On the embedded network that is hundreds of MiB, more than a small machine (Binder: 2 GB) should lose to nothing.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache

SELDOM = 0.5
_last = [0.0]


def give_back() -> None:
    """Let the allocator return free memory, at most twice a second; does nothing where it is not glibc's."""
    now = time.monotonic()
    if now - _last[0] >= SELDOM:
        # before the call: another worker that comes meanwhile need not trim as well
        _last[0] = now
        _trim()(0)


@cache
def _trim() -> Callable[[int], object]:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return lambda _: None
