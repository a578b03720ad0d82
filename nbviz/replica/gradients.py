"""Gradients through a user's network: autograd's backward, which may run code of the user's as a forward does.

Hooks of tensors and modules, functions with a backward of their own and checkpoints, which run a part of the forward
again, draw, print, seed and write. A checkpoint even sets the global random stream to where the forward had it, and
back: another thread that draws meanwhile would get numbers twice.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol

import torch
from torch.autograd.graph import GradientEdge

from nbviz.replica.user_code.conduct import Conduct
from nbviz.replica.user_code.write_guard import Guard, WeightsWritten


class Run(Protocol):
    """Pass of a network whose backward runs Python code."""

    @property
    def conduct(self) -> Conduct:
        """Conduct of the network."""

    @property
    def tensors(self) -> Sequence[torch.Tensor]:
        """The user's tensors."""


class WrittenInBackward(BaseException):
    """Signal that a backward is about to write to one of the user's tensors: the pass is to be run on a copy of it."""

    def __init__(self, tensor: torch.Tensor) -> None:
        super().__init__()
        self.tensor = tensor


class _Runs(threading.local):
    # all that are alive, as one graph may be of several networks
    alive: tuple[weakref.ref[Run], ...] = ()


_RUNS = _Runs()


def expect_python(run: Run) -> None:
    """Note that graphs on this thread may be of a network whose backward runs Python code."""
    if all(other() is not run for other in _RUNS.alive):
        _RUNS.alive = (*(other for other in _RUNS.alive if other() is not None), weakref.ref(run))


def grad(
    outputs: torch.Tensor | Sequence[torch.Tensor],
    inputs: torch.Tensor | Sequence[torch.Tensor | GradientEdge],
    grad_outputs: torch.Tensor | Sequence[torch.Tensor] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[torch.Tensor, ...]:
    """Return what :func:`torch.autograd.grad` does, with the network's own code contained as in a forward.

    Raises :class:`WrittenInBackward` before that code writes to the user's tensors.
    """

    def computed() -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(
            outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused=allow_unused,
            materialize_grads=materialize_grads,
        )  # fmt: skip

    runs = [run for run in (other() for other in _RUNS.alive) if run is not None]
    if not runs:
        return computed()
    with ExitStack() as stack:
        for conduct in {id(run.conduct): run.conduct for run in runs}.values():
            stack.enter_context(conduct.backward())
        guard = stack.enter_context(Guard(tensor for run in runs for tensor in run.tensors))
        try:
            return computed()
        except WeightsWritten:
            assert guard.refused is not None
            raise WrittenInBackward(guard.refused) from None
