"""Answers already known, least recently used dropped first, bounded by the bytes they hold."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any

MEBIBYTE = 2**20


class Cache:
    """A thread-safe LRU keyed by (model fingerprint, request)."""

    def __init__(self, limit: int = 192 * MEBIBYTE) -> None:
        self.limit = limit
        self.nbytes = 0
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> Any | None:
        """The answer, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: Hashable, answer: Any) -> None:
        """Keep an answer; one larger than the whole cache is not kept."""
        size = nbytes(answer)
        with self._lock:
            self._drop(key)
            if size > self.limit:
                return
            self._kept[key] = (answer, size)
            self.nbytes += size
            while self.nbytes > self.limit:
                self._drop(next(iter(self._kept)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.nbytes = 0

    def _drop(self, key: Hashable) -> None:
        if key in self._kept:
            self.nbytes -= self._kept.pop(key)[1]


def nbytes(value: Any, seen: set[int] | None = None) -> int:
    """Bytes of the arrays and tensors an answer holds, each counted once; what has ``nbytes`` says it itself."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(getattr(value, "nbytes", None), int):  # arrays and tensors, an index, an atlas
        return int(value.nbytes)
    if isinstance(value, dict):
        return sum(nbytes(item, seen) for item in value.values())
    if isinstance(value, (list, tuple)):
        return sum(nbytes(item, seen) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return sum(nbytes(getattr(value, field.name), seen) for field in fields(value))
    return 64
