"""Catch what a forward prints or warns on this thread, so that it does not land in whatever cell the user runs."""

from __future__ import annotations

import re
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_WARNING = re.compile(r"(?s)\S.*?:\d+: (?P<words>\w*Warning: .*?)\n(?:  .*\n)?\Z")
"""A warning as Python writes it, in one piece: file, line, kind, message, and the source line where it is known."""


class Caught:
    """Lines caught so far, and the last of them."""

    def __init__(self) -> None:
        self.lines, self.last = 0, ""

    def take(self, text: str) -> None:
        """Count a piece of output; a warning, which comes with its place and its source, is one line."""
        warned = _WARNING.match(text)
        self.lines += 1 if warned else text.count("\n")
        self.last = " ".join(warned["words"].split()) if warned else text.strip() or self.last

    @property
    def note(self) -> str:
        """Sentence for the user; "" where nothing was caught."""
        if not self.last:
            return ""
        return f"the network printed or warned {self.lines} lines while nbviz ran it, the last: {self.last[-80:]!r}"


_local = threading.local()
_lock = threading.Lock()
_inside = 0


class _Stream:
    """Stream that hands a thread's output to what catches it, and everybody else's to the stream it stands for."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        caught: Caught | None = getattr(_local, "caught", None)
        if caught is None:
            return int(self._stream.write(text))
        caught.take(text)
        return len(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def quiet(caught: Caught) -> Iterator[None]:
    """Catch this thread's standard output and error in this block; other threads' go where they went."""
    outer = getattr(_local, "caught", None)
    _enter()
    # by thread: the cell that runs meanwhile prints where it always did
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
        # the first in puts the catchers there, the last out takes them away
        if _inside == 1:
            for name in ("stdout", "stderr"):
                setattr(sys, name, _catching(getattr(sys, name)))


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            for name in ("stdout", "stderr"):
                # another thread may have put a stream of its own there meanwhile
                stream = getattr(sys, name)
                if isinstance(stream, _Stream):
                    setattr(sys, name, stream._stream)  # noqa: SLF001 - our own


_STREAMS: deque[_Stream] = deque(maxlen=64)
"""Those made last. ``print`` in another thread has one without a reference to it: were it freed, Python would crash."""


def _catching(stream: TextIO) -> _Stream:
    """Return the catcher of a stream; one left behind by a thread that had put its own there serves again."""
    if isinstance(stream, _Stream):
        return stream
    known = next((one for one in _STREAMS if one._stream is stream), None)  # noqa: SLF001 - our own
    if known is None:
        known = _Stream(stream)
        _STREAMS.append(known)
    return known
