"""Training forwards of this network in the middle of another thread.

A batch norm in training mode writes its running statistics as the forward reaches it, so in the middle of one
the buffers are of two versions. There may be no hook of ours on the user's modules to tell; the stacks of the
other threads do, in some ten microseconds.
"""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType

from torch import nn

_CALL = nn.Module._call_impl.__code__


def await_forwards(modules: set[int], seconds: float) -> bool:
    """Wait until no other thread runs one of these modules (by id) in training mode; False when it lasts longer."""
    deadline = time.monotonic() + seconds
    while _running(modules):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def _running(modules: set[int]) -> bool:
    own = threading.get_ident()
    return any(_inside(frame, modules) for thread, frame in sys._current_frames().items() if thread != own)


def _inside(frame: FrameType | None, modules: set[int]) -> bool:
    while frame is not None:
        # by code, not name: it is compared for every frame of every thread
        if frame.f_code is _CALL:
            module = frame.f_locals.get("self")
            if isinstance(module, nn.Module) and id(module) in modules and module.training:
                return True
        frame = frame.f_back
    return False
