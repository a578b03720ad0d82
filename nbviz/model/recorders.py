"""Recorders of layers' outputs: nested ``with`` blocks of one thread, each filling a dictionary of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

import torch

from nbviz.model.trace import Trace, recording
from nbviz.replica.guest import Pass


class Recorders:
    """Open recorders, thread by thread."""

    def __init__(self) -> None:
        self._open = threading.local()

    @contextmanager
    def recorder(self, trace: Callable[[], Trace], names: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        """Record the named layers in every pass of this thread within the block; yields name → latest output."""
        outputs: dict[str, torch.Tensor] = {}
        before: tuple[Callable[[Pass], AbstractContextManager[None]], ...] = getattr(self._open, "now", ())
        self._open.now = (*before, lambda run: recording(run, trace(), names, outputs.__setitem__))
        try:
            yield outputs
        finally:
            self._open.now = before

    @contextmanager
    def around(self, run: Pass) -> Iterator[None]:
        """Hook the layers recorded now, for the length of one pass."""
        with ExitStack() as hooks:
            for recorder in getattr(self._open, "now", ()):
                hooks.enter_context(recorder(run))
            yield
