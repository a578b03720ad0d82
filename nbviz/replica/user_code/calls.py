"""Watch the calls that this thread makes, beside whatever profiler the user has put on it."""

from __future__ import annotations

import functools
import re
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

See = Callable[[FrameType, str, Any], object]
"""Function handed a frame, "call" or "c_call", and for the latter the function that the frame calls; a profiler of
Python's, which :func:`sys.setprofile` takes, is one that is handed other events too."""
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
    """Show ``see`` this thread's calls in this block; yield whether that is possible.

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
    outer: _Profile | None = getattr(_local, "profile", None)
    if outer is not None and before is outer.function:
        sees, users = (*outer.sees, see), outer.users
    else:
        sees, users = (see,), None if native else before
    _local.profile = _Profile(sees, users, _profile(sees, users))
    sys.setprofile(_local.profile.function)
    try:
        yield True
    finally:
        _local.profile = outer
        sys.setprofile(None if native else before)
        if native:
            before.enable()


class _Profile(NamedTuple):
    """Watchers of this thread's calls."""

    sees: tuple[See, ...]
    users: See | None
    """The user's own profiler."""
    function: See


_local = threading.local()


def _profile(sees: Sequence[See], users: See | None) -> See:
    def profile(frame: FrameType, event: str, argument: object) -> None:
        # one function for all of them, and ends of calls aside: a forward of a large network makes 30,000 events
        if event == "call" or event == "c_call":
            for see in sees:
                see(frame, event, argument)
        if users is not None:
            users(frame, event, argument)

    return profile
