"""Iterators in a replica: copies that can be set back, and stand-ins for what no copy can be made of.

A forward that takes from an iterator advances it. One of Python's own tells what it is made of (``__reduce__``), so
a replica has its own over its own parts. A generator has a frame in the middle of its code, and a file a place on a
disk: of these a replica has a stand-in, which refuses when the forward uses it.
"""

from __future__ import annotations

import io
import types
import warnings
from _queue import SimpleQueue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

from nbviz.errors import Refused

_HOMES = ("builtins", "itertools", "array", "collections", "_collections")
_MEMORY = (io.StringIO, io.BytesIO)
UNCOPIABLE = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType, SimpleQueue)


def is_iterator(kind: type) -> bool:
    """Return whether a class is one of Python's own iterators, generators aside."""
    return kind.__module__ in _HOMES and hasattr(kind, "__next__") and not issubclass(kind, UNCOPIABLE)


def is_file(value: object) -> bool:
    """Return whether a value is an open file, or a stream such as ``sys.stdout``; those in memory are none."""
    return isinstance(value, io.IOBase) and not isinstance(value, _MEMORY)


def recipe(iterator: object) -> tuple[Callable[..., Any], tuple[object, ...], object] | None:
    """Return the function, arguments and position from which an iterator can be made again; None where it can't."""
    try:
        with _no_deprecation():
            parts = cast(tuple[Any, ...], iterator.__reduce__())
    except (TypeError, AttributeError):
        return None
    return parts[0], parts[1], parts[2] if len(parts) > 2 else None


def make(function: Callable[..., Any], arguments: tuple[object, ...], position: object) -> Iterator[object]:
    """Return an iterator made of its :func:`recipe`."""
    iterator = function(*arguments)
    if position is not None:
        with _no_deprecation():
            # where it stood, without taking what lies before from the user's own
            iterator.__setstate__(position)
    return cast(Iterator[object], iterator)


@contextmanager
def _no_deprecation() -> Iterator[None]:
    """Ignore what itertools say of being copied, from Python 3.12 on; in 3.14 they can't be, and are refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def position(iterator: object) -> object:
    """Return what is equal as long as nobody takes from an iterator, as plain values."""
    remake = recipe(iterator)
    parts = () if remake is None else (*remake[1], *(remake[2] if isinstance(remake[2], tuple) else (remake[2],)))
    return tuple(len(part) if isinstance(part, (list, tuple)) else repr(part) for part in parts)


class Replay:
    """Iterator that can be set back to where it was when it was made."""

    def __init__(self, origin: Iterator[object]) -> None:
        self._origin = origin
        self.taken = 0
        """Values taken since; what it takes them from is set back by itself."""
        self.set_back()

    def set_back(self) -> None:
        """Begin again."""
        parts = recipe(self._origin)
        assert parts is not None  # it was made of one
        self._now, self.taken = make(*parts), 0

    def __iter__(self) -> Replay:
        return self

    def __next__(self) -> object:
        self.taken += 1
        return next(self._now)

    def __length_hint__(self) -> int:
        return getattr(self._now, "__length_hint__", int)()

    def __repr__(self) -> str:
        return repr(self._now)


class StandIn:
    """Stand-in for an object that can't be copied; using it raises :class:`Refused`."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        name = self._kind.__name__
        raise Refused(
            f"The network uses a {name} that it holds, of which no copy can be made, so running it would move the "
            f"user's own. Hold a list, an iterator over one or itertools.count in its place, or make the {name} in "
            "forward."
        )

    __iter__ = __next__ = __enter__ = __exit__ = __aiter__ = __anext__ = __await__ = _refuse

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        # an attribute that the real one has not is missing here as well: hasattr and copy ask for some
        if name.startswith("__") or not hasattr(self._kind, name):
            raise AttributeError(name)
        return self._refuse


class Sink(StandIn):
    """Stand-in for an open file: what a forward writes to it goes nowhere, reading it is refused."""

    def write(self, text: str | bytes) -> int:
        """Leave a text out."""
        return len(text)

    def writelines(self, lines: Iterator[str | bytes]) -> None:
        """Leave lines out."""

    def flush(self) -> None:
        """Nothing: nothing was written."""

    close = flush
