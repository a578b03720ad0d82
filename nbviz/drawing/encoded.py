"""PNG bytes of pixels that were encoded before: a click on what was seen compresses nothing again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np

ROOM = 16 << 20  # bytes; a page of channels is some 100 kB, so a few hundred clicks


class Encoded:
    """Encoded pictures by the content of their pixels, those used last, up to a number of bytes.

    The key is a digest of all pixels, never the answer that they were drawn from: no picture can stand for another.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._room, self._size = room, 0
        self._pictures: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()  # the worker draws pages while a click draws the canvas

    def get(self, kind: str, encode: Callable[[], bytes], *arrays: np.ndarray) -> bytes:
        """Return what ``encode`` makes of the arrays; it is called only for arrays that are not kept."""
        key = kind, *(digest(array) for array in arrays)
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        # Outside the lock: nobody waits for a compression that is not theirs. Two may do the same one; the later
        # counts.
        data = encode()
        with self._lock:
            # The other may have put it in meanwhile: its bytes are taken off again.
            self._size += len(data) - len(self._pictures.pop(key, b""))
            self._pictures[key] = data
            while self._size > self._room:
                self._size -= len(self._pictures.popitem(last=False)[1])
        return data


def digest(array: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
    """Return type, shape and 16-byte digest of an array's values."""
    return array.dtype.str, array.shape, hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
