"""Catch what a forward prints or warns on this thread, so that it does not land in whatever cell the user runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Caught:
    """Lines caught so far, and the last of them."""

    def __init__(self) -> None:
        self.lines, self.last = 0, ""

    def take(self, text: str) -> None:
        """Count a piece of output."""
        self.lines += text.count("\n")
        self.last = text.strip() or self.last

    @property
    def note(self) -> str:
        """A sentence for the user; "" where nothing was caught."""
        if not self.last:
            return ""
        return f"the network printed or warned {self.lines} lines while nbviz ran it, the last: {self.last[-80:]!r}"


_local = threading.local()
_lock = threading.Lock()
_inside = 0
_before: dict[str, Any] = {}


class _Stream:
    """A stream that hands a thread's output to what catches it, and everybody else's to the stream it stands for."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        caught: Caught | None = getattr(_local, "caught", None)
        if caught is None:
            return int(self._stream.write(text))
        caught.take(text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet(caught: Caught) -> Iterator[None]:
    """Catch this thread's standard output and error in this block; other threads' go where they went."""
    outer = getattr(_local, "caught", None)
    _enter()
    _local.caught = caught
    try:
        yield
    finally:
        _local.caught = outer
        _leave()


def _enter() -> None:
    global _inside
    with _lock:
        _inside += 1
        if _inside == 1:
            for name in ("stdout", "stderr"):
                _before[name] = getattr(sys, name)
                setattr(sys, name, _Stream(_before[name]))


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            for name in ("stdout", "stderr"):
                # another thread may have put a stream of its own there meanwhile
                if isinstance(getattr(sys, name), _Stream):
                    setattr(sys, name, _before[name])
