"""Freed memory stays with the process during a long run, so that one forward writes where the last one did.

glibc gives large blocks back to the system as they are freed and fetches them again, page by page, each page zeroed:
eight pictures through EfficientNet-Lite0 took twice the time they need. Its thresholds grow with use, but not that
far, and Dask starts workers with a low, fixed one.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
_MB = 2**20
_DURING = 64 * _MB, 256 * _MB
"""Bytes from which a block is the system's own; bytes that may lie unused at the end of the heap."""
_AFTER = 32 * _MB, 64 * _MB
"""What glibc's own grow to; what they were can't be asked."""
_lock = threading.Lock()
_inside = 0


@contextmanager
def kept_heap() -> Iterator[None]:
    """Raise glibc's thresholds in this block, then give back what is free; nothing where the allocator is another."""
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            _set(*_DURING)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _set(*_AFTER)
                _trim()


def _set(largest: int, kept: int) -> None:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        return
    mallopt(M_MMAP_THRESHOLD, largest)
    mallopt(M_TRIM_THRESHOLD, kept)


def _trim() -> None:
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, TypeError, AttributeError):
        return
