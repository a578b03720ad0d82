"""Sentry over the global random streams: reads them all the time, as a cell that draws at any moment would."""

from __future__ import annotations

import random
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import torch

PAUSE = 0.001
"""Seconds between two reads: what is put back after a pass takes longer."""


class Sentry:
    """Thread that notes a fault where a stream is elsewhere though no edit moved it; active inside of its block.

    A stream that is put back after a pass was moved all the same: whoever draws meanwhile gets numbers twice.
    """

    def __init__(self, faults: list[str]) -> None:
        self._faults = faults
        self._lock, self._over = threading.Lock(), threading.Event()
        self._before: dict[str, int] | None = None
        self._thread: threading.Thread | None = None
        self.reads = 0
        """Reads since the block began, or since the streams were last let move."""

    def __enter__(self) -> Sentry:
        self._over.clear()
        self._before = None
        self._thread = threading.Thread(target=self._watch, name="sentry", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let this thread move the streams in this block."""
        with self._lock:
            try:
                yield
            finally:
                self._before, self.reads = None, 0

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            with self._lock:
                now = _streams()
                moved = [
                    name for name, state in now.items() if self._before is not None and state != self._before[name]
                ]
                self._before = now
                self.reads += 1
            for name in moved:
                self._faults.append(f"the stream of {name} moved for a moment: {_others()}")


def _streams() -> dict[str, int]:
    """Return a digest of each global stream, read past what is forwarded."""
    name, keys, *place = np.random.mtrand._rand.get_state()
    return {
        "python": hash(random._inst.getstate()),  # type: ignore[attr-defined]
        "numpy": hash((name, np.asarray(keys).tobytes(), *place)),
        "torch": hash(torch.default_generator.get_state().numpy().tobytes()),
    }


def _others() -> str:
    """Return where the other threads are, innermost call first."""
    own = threading.get_ident()
    frames = [frame for thread, frame in sys._current_frames().items() if thread != own]
    return " | ".join(_calls(frame) for frame in frames)


def _calls(frame: FrameType) -> str:
    stack = reversed(traceback.extract_stack(frame)[-6:])
    return " < ".join(f"{Path(call.filename).name}:{call.lineno}" for call in stack)
