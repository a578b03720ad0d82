"""Freed memory stays with the process, so that one forward writes where the last one did.

glibc gives large blocks back to the system as they are freed and fetches them again, page by page, each page zeroed:
a forward of EfficientNet-Lite0 took 1.3 times as long as it needs for one picture, 2.2 times for eight. Its own
thresholds grow with use, but not this far, and Dask starts workers with a low, fixed one.
"""

from __future__ import annotations

import ctypes
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST = 64 * 2**20
"""Bytes from which a block is the system's own again: a layer of eight pictures is below."""
KEPT = 4 * LARGEST
"""Bytes at the end of the heap that may lie unused."""


@cache
def keep_freed() -> None:
    """Raise glibc's thresholds, once a process; nothing where the allocator is another."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        return
    mallopt(M_MMAP_THRESHOLD, LARGEST)
    mallopt(M_TRIM_THRESHOLD, KEPT)
