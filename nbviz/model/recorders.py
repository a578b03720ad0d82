"""Recorders of layers' outputs: nested ``with`` blocks of one thread, each filling a dictionary of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch

from nbviz.model.trace import Trace, recording
from nbviz.replica.guest import Pass


@dataclass(frozen=True)
class _Recorder:
    names: tuple[str, ...]
    trace: Callable[[], Trace]
    check: Callable[[str], object]
    outputs: dict[str, torch.Tensor]
    """Name → output of the latest pass."""

    def known(self) -> Trace:
        """Return the trace of the network as it is; raises UnknownName for a layer that it has not."""
        known = self.trace()
        for name in (name for name in self.names if not known.records(name)):
            self.check(name)
        return known


class Recorders:
    """Open recorders, thread by thread."""

    def __init__(self) -> None:
        self._open = threading.local()

    @contextmanager
    def recorder(
        self, names: Sequence[str], trace: Callable[[], Trace], check: Callable[[str], object], known: Trace | None
    ) -> Iterator[dict[str, torch.Tensor]]:
        """Record the named layers in every pass of this thread within the block; yield name → latest output.

        trace: gives the trace of the network as it is; check: raises for a layer that isn't there; known: trace used
        last, which will do to begin with, as each pass asks for that of the network as it is.
        """
        outputs: dict[str, torch.Tensor] = {}
        # blocks may be nested: an inner one takes nothing from an outer, and both are filled by one pass
        before, recorder = self._now(), _Recorder(tuple(names), trace, check, outputs)
        if known is None or not all(map(known.records, names)):
            recorder.known()
        self._open.now = (*before, recorder)
        try:
            yield outputs
        finally:
            self._open.now = before

    def _now(self) -> tuple[_Recorder, ...]:
        recorders: tuple[_Recorder, ...] = getattr(self._open, "now", ())
        return recorders

    def run(
        self, run: Pass, parts: Sequence[torch.Tensor], work: Callable[[torch.Tensor], torch.Tensor]
    ) -> torch.Tensor:
        """Pass a batch in parts, and record the whole batch's outputs: what ``work`` gives of each, joined."""
        outputs = [list[dict[str, torch.Tensor]]() for _ in self._now()]
        answers = []
        for part in parts:
            with self._recorded(run):
                answers.append(work(part))
            for recorder, rows in zip(self._now(), outputs, strict=True):
                # a copy: the next part fills the same dictionary
                rows.append(dict(recorder.outputs))
        if len(parts) > 1:
            for recorder, rows in zip(self._now(), outputs, strict=True):
                recorder.outputs.update({name: torch.cat([row[name] for row in rows]) for name in rows[0]})
        return answers[0] if len(answers) == 1 else torch.cat(answers)

    @contextmanager
    def _recorded(self, run: Pass) -> Iterator[None]:
        """Hook the layers recorded now, for the length of one pass."""
        with ExitStack() as hooks:
            # the trace at this pass, not at the block's beginning: surgery inside the block counts from the next pass
            # on
            for recorder in self._now():
                hooks.enter_context(recording(run, recorder.known(), recorder.names, recorder.outputs.__setitem__))
            yield
