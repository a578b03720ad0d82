"""Pass: one forward of a network on this thread."""

from __future__ import annotations

import contextvars
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import nn

from nbviz.replica.copying.foreign_calls import ForeignCalls
from nbviz.replica.gradients import expect_python
from nbviz.replica.hooks import RawOutput
from nbviz.replica.interruption import pause
from nbviz.replica.user_code.conduct import Conduct
from nbviz.replica.user_code.quiet import quiet
from nbviz.replica.user_code.state import State
from nbviz.replica.user_code.write_guard import Guard


@dataclass(frozen=True, eq=False)
class Pass:
    """Network ready to run on this thread, and whether it is a snapshot of one being trained."""

    net: nn.Module
    device: torch.device
    random: bool = False
    snapshot: bool = False
    foreign: ForeignCalls | None = None
    """Watches the calls of a first contact."""
    conduct: Conduct = field(default_factory=Conduct)
    state: State | None = None
    """Put back before each pass, of a network that writes to itself."""
    tensors: Sequence[torch.Tensor] = ()
    """The user's, which Python code in a backward must not write to."""

    def __call__(self, batch: torch.Tensor) -> RawOutput:
        """Return the network's own output for a batch, which is moved to the network's device.

        Raises Unwanted where the work on this thread is not wanted any more.
        """
        pause()
        # when memory runs out, the next attempt's network is on the CPU, and the batch may not be
        batch = batch.to(self.device)
        first = self.foreign is not None
        if self.conduct.python_backward:
            expect_python(self)
        sight = self.foreign.sight if self.foreign is not None else None
        with quiet(self.conduct.caught), self.conduct.streams(first), self.conduct.outside.restored(sight):
            with self.conduct.input(batch, first) as given, self._own_state():
                return self._forward(given)

    def _own_state(self) -> AbstractContextManager[None]:
        return nullcontext() if self.state is None else self.state.renewed()

    def rest(self) -> None:
        """Let go of what the last pass left on the network, its graph first of all."""
        if self.state is not None:
            self.state.put_back_objects()

    def _forward(self, batch: torch.Tensor) -> RawOutput:
        # context variables that it sets, numpy's error handling among them, end with it
        return contextvars.copy_context().run(self._guarded, batch)

    def _guarded(self, batch: torch.Tensor) -> RawOutput:
        if self.foreign is not None:
            with self.foreign.watch():
                return self.net(batch)
        if not self.random:
            return self.net(batch)
        # a network that draws runs under the guard for ever, drawing from streams of its own
        with Guard():
            return self.net(batch)
