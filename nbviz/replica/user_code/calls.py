"""Watch the calls that this thread makes, beside whatever profiler the user has put on it."""

from __future__ import annotations

import functools
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

See = Callable[[FrameType, str, Any], object]
"""A profile function, as :func:`sys.setprofile` takes."""
STANDARD = sysconfig.get_paths()["stdlib"]
"""Folder of Python's own modules."""
_INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]|[/\\]nbviz[/\\]")


def is_installed(file: str) -> bool:
    """Return whether a source file is an installed package's, or nbviz's, and so no code of the user's."""
    return _INSTALLED.search(file) is not None


@functools.lru_cache(maxsize=4096)
def is_own(module: str) -> bool:
    """Return whether a module is the user's: a notebook, or no installed file."""
    home = sys.modules.get(module)
    file = getattr(home, "__file__", None) or ""
    built_in = home is None or getattr(getattr(home, "__spec__", None), "origin", "") == "built-in"
    return not built_in and not is_installed(file) and not file.startswith(STANDARD)


@contextmanager
def watched(see: See) -> Iterator[bool]:
    """Show ``see`` this thread's calls in this block; yields whether that is possible.

    A profiler written in Python sees them too; cProfile, which has the place for itself, is paused.
    Under another one written in C, which could not be put back, nothing is watched.
    """
    before: Any = sys.getprofile()
    native = before is not None and not callable(before)
    if native and not hasattr(before, "disable"):
        yield False
        return
    if native:
        # cProfile counts on being the only one; two profilers can't be on at once
        before.disable()
    sys.setprofile(see if native or before is None else _both(see, before))
    try:
        yield True
    finally:
        sys.setprofile(None if native else before)
        if native:
            before.enable()


def _both(see: See, before: See) -> See:
    def seen(frame: FrameType, event: str, argument: object) -> None:
        see(frame, event, argument)
        before(frame, event, argument)

    return seen
