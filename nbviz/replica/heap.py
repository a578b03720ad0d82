"""Heap of a long run: freed memory stays with the process, so that each forward writes where the last one did.

glibc gives large blocks back to the system as they are freed and fetches them again, page by page, each page zeroed:
eight pictures through EfficientNet-Lite0 took twice the time they need. Its thresholds grow with use, but not that
far, and Dask starts workers with a low, fixed one.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TypeVar

T = TypeVar("T")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
_MB = 2**20
_DURING = 64 * _MB, 256 * _MB
"""Bytes from which a block is the system's own; bytes that may lie unused at the end of the heap."""
_AFTER = 32 * _MB, 128 * _MB
"""The first is what glibc's own grows to; the former ones can't be asked for. The second would grow to half of this,
and a Grad-CAM of ResNet-50, whose graph frees 80 MB at the end of the heap, would fetch them anew each time: 1.3 times
its passes."""
_lock = threading.Lock()
_inside = 0


@contextmanager
def kept_heap() -> Iterator[None]:
    """Raise glibc's thresholds in this block, then give back what is free; does nothing for another allocator."""
    global _inside
    libc = _glibc()
    if libc is None:
        yield
        return
    with _lock:
        _inside += 1
        # the thresholds are the whole process's: the first in raises them, the last out puts them back
        if _inside == 1:
            _set(libc, *_DURING)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _set(libc, *_AFTER)
                libc.malloc_trim(0)


def kept_between(answers: Iterator[T]) -> Iterator[T]:
    """Yield answers, with a kept heap from the second on: a single pass would pay for the end of that, too."""
    with ExitStack() as memory:
        for number, answer in enumerate(answers):
            if number == 1:
                memory.enter_context(kept_heap())
            yield answer


@cache
def grown_heap() -> None:
    """Set glibc's thresholds, once, to what fits the passes of one picture: a pass writes where the last one did.

    Its own follow the largest block freed, and so hand back what the many layers of a pass held together.
    """
    libc = _glibc()
    with _lock:
        if libc is not None and not _inside:
            _set(libc, *_AFTER)


@cache
def _glibc() -> ctypes.CDLL | None:
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None


def _set(libc: ctypes.CDLL, largest: int, kept: int) -> None:
    libc.mallopt(M_MMAP_THRESHOLD, largest)
    libc.mallopt(M_TRIM_THRESHOLD, kept)
