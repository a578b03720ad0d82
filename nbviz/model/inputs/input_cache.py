"""Cache of network inputs, those used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from torch import Tensor

MOST_INPUTS = 12


class InputCache:
    """Cache of inputs (1, C, H, W) by key. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inputs = OrderedDict[Hashable, Tensor]()

    def get(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """Return the input under a key, made where it is not there; all who ask hold the same tensor."""
        with self._lock:
            if key in self._inputs:
                self._inputs.move_to_end(key)
                return self._inputs[key]
        # without the lock: an attack may take seconds, and a handler that asks for another input must not wait
        x = make()
        with self._lock:
            x = self._inputs.setdefault(key, x)
            while len(self._inputs) > MOST_INPUTS:
                self._inputs.popitem(last=False)
        return x

    def clear(self) -> None:
        """Let go of all inputs."""
        with self._lock:
            self._inputs.clear()
