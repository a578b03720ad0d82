"""Shared forwards: those that several targets of one picture have in common are run once.

The targets are explained in turn, a step each, so what the first one ran is what the others ask for next. Of
forwards with a graph the last is held, of those without the last few.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch

from nbviz.model.scoring.outputs import Output
from nbviz.passes.activations import Activation

PLAIN_FORWARDS = 4
"""Forwards without a graph that are held."""


class Shared:
    """Forwards held in memory; a backward through one of them must retain its graph."""

    def __init__(self) -> None:
        self._leaf: torch.Tensor | None = None
        self._output: Output | None = None
        self._plain: deque[tuple[torch.Tensor, Output]] = deque(maxlen=PLAIN_FORWARDS)
        self.layers: dict[str, Activation] = {}
        """Layers' outputs in the forward with a graph."""

    def leaf(self, batch: torch.Tensor) -> torch.Tensor:
        """Return a batch as a leaf of a graph: the one held where it is equal."""
        if self._leaf is None or not _equal(self._leaf, batch):
            self._leaf, self._output, self.layers = batch.detach().requires_grad_(), None, {}
        return self._leaf

    def has(self, batch: torch.Tensor, *layers: str) -> bool:
        """Return whether this leaf was run, with these layers recorded."""
        return batch is self._leaf and self._output is not None and all(name in self.layers for name in layers)

    def output(self, batch: torch.Tensor, run: Callable[[torch.Tensor], Output]) -> Output:
        """Return the network's output of a batch, read."""
        if batch is self._leaf:
            if self._output is None:
                self._output = run(batch)
            return self._output
        # a graph that its caller's backward will free: nobody else may be handed it
        if torch.is_grad_enabled() and batch.requires_grad:
            return run(batch)
        # the latest first: targets explained in turn ask for what the one before them asked last
        for known, output in reversed(self._plain):
            if _equal(known, batch):
                return output
        output = run(batch)
        self._plain.append((batch, output))
        return output

    def again(self) -> None:
        """Let go of all forwards, for layers are to be recorded as they run."""
        self._output = None
        self._plain.clear()


def _equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    same = one is other or (one.shape == other.shape and one.dtype == other.dtype)
    return same and torch.equal(one.detach(), other.detach())
