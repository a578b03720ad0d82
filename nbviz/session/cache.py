"""Cache of answers, least recently used dropped first, bounded by the bytes they take.

Answers share arrays: a channel's answer holds the maps of its whole layer. The memory under an array or a tensor is
counted once for all answers in the cache that reach it, and is free when the last of them is dropped.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch

MEBIBYTE = 2**20
Memory = dict[Hashable, int]
"""Identity of a piece of memory → its bytes."""
_PLAIN = 64
"""Bytes that any other object is counted as."""


class Cache:
    """Thread-safe LRU keyed by (model fingerprint, request)."""

    def __init__(self, limit: int = 192 * MEBIBYTE) -> None:
        self.limit = limit
        self.nbytes = 0
        """Bytes of memory that the answers hold, each counted once."""
        self._answers: OrderedDict[Hashable, tuple[object, Memory]] = OrderedDict()
        self._holders: dict[Hashable, tuple[int, int]] = {}
        """Piece of memory → its bytes, and how many answers hold it."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Hashable) -> Any | None:  # noqa: ANN401 - who put it there knows its type
        """Return the answer, or None."""
        with self._lock:
            if key not in self._answers:
                return None
            self._answers.move_to_end(key)
            return self._answers[key][0]

    def put(self, key: Hashable, answer: object) -> None:
        """Keep an answer; one larger than the whole cache is not kept."""
        # outside of the lock: walking through a large answer takes longer than any look-up
        held = memory(answer)
        with self._lock:
            self._drop(key)
            # it would drop all others and then itself
            if sum(held.values()) > self.limit:
                return
            self._answers[key] = (answer, held)
            for piece, size in held.items():
                size, count = self._holders.get(piece, (size, 0))
                self._holders[piece] = size, count + 1
                self.nbytes += 0 if count else size
            while self.nbytes > self.limit:
                self._drop(next(iter(self._answers)))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._answers.clear()
            self._holders.clear()
            self.nbytes = 0

    def _drop(self, key: Hashable) -> None:
        if key not in self._answers:
            return
        # the answer lives until its pieces are told off: an address is only told from another while both are in use
        answer, held = self._answers.pop(key)
        for piece in held:
            size, count = self._holders.pop(piece)
            if count > 1:
                self._holders[piece] = size, count - 1
            else:
                self.nbytes -= size
        del answer


def nbytes(value: object) -> int:
    """Return the bytes of memory that an answer takes, each counted once."""
    return sum(memory(value).values())


def memory(value: object) -> Memory:
    """Return the memory under all arrays and tensors that an answer reaches; others with ``nbytes`` report it."""
    pieces: Memory = {}
    reached: list[object] = [value]
    visited = set[int]()
    while reached:
        one = reached.pop()
        if id(one) in visited:
            continue
        visited.add(id(one))
        if isinstance(one, (np.ndarray, torch.Tensor)):
            pieces.update([_storage(one)])
        elif isinstance(one, Mapping):
            reached.extend(one.values())
        elif isinstance(one, (list, tuple)):
            reached.extend(one)
        elif is_dataclass(one) and not isinstance(one, type):
            reached.extend(getattr(one, field.name) for field in fields(one))
        else:  # an index, an atlas
            size = getattr(one, "nbytes", None)
            pieces["object", id(one)] = size if isinstance(size, int) else _PLAIN
    return pieces


def _storage(value: np.ndarray | torch.Tensor) -> tuple[Hashable, int]:
    """Return the memory that a view keeps alive, which may be more than it shows."""
    # a view keeps the whole of what it is a part of
    while isinstance(value, np.ndarray) and isinstance(value.base, (np.ndarray, torch.Tensor)):
        value = value.base
    if isinstance(value, np.ndarray):
        return ("cpu", value.__array_interface__["data"][0]), int(value.nbytes)
    storage = value.untyped_storage()
    return (str(storage.device), storage.data_ptr()), storage.nbytes()
