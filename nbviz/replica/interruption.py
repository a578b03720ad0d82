"""Interruption: long work asks between two passes whether anybody still wants it.

A worker steps generators, and between two steps it hears of a cancel; within a step, an attack of twenty passes or a
table over every layer, only the work itself can stop. Each pass of a network asks here, and so does what takes long
without one. Outside of :func:`unless` nothing is ever interrupted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Unwanted(BaseException):
    """Raised in work that nobody wants any more; no error, and passed on by everything that handles errors."""


class _Question(threading.local):
    unwanted: Callable[[], bool] | None = None


_QUESTION = _Question()


@contextmanager
def unless(unwanted: Callable[[], bool]) -> Iterator[None]:
    """Interrupt what this thread does in the block once ``unwanted`` returns true: :class:`Unwanted` is raised."""
    # blocks may lie in each other: a request asks for another's answer
    before, _QUESTION.unwanted = _QUESTION.unwanted, unwanted
    try:
        yield
    finally:
        _QUESTION.unwanted = before


def pause() -> None:
    """Raise :class:`Unwanted` where the work on this thread is not wanted any more; to be called in long loops."""
    if _QUESTION.unwanted is not None and _QUESTION.unwanted():
        raise Unwanted


@contextmanager
def waiting() -> Iterator[None]:
    """Raise a KeyboardInterrupt of a wait for another thread as what it is, whenever it comes.

    Where one comes while a Condition or an Event takes its lock back, CPython's ``with`` has nothing to give back and
    raises a RuntimeError about locks in its place.
    """
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise
