"""Counts of forwards, made beside the network: what a forward counts by itself is put back after each pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


@contextmanager
def counted(kind: type[nn.Module]) -> Iterator[list[int]]:
    """Yield a list that gets the batch size of each call of a module of this class in the block."""
    sizes: list[int] = []

    def count(module: nn.Module, inputs: Any) -> None:
        if isinstance(module, kind):
            sizes.append(len(inputs[0]))

    handle = register_module_forward_pre_hook(count)
    try:
        yield sizes
    finally:
        handle.remove()


@contextmanager
def failing(after: int) -> Iterator[list[int]]:
    """Raise at a call of a module with a true attribute ``fails``, after so many; yields those left, in a list."""
    left = [after]

    def fail(module: nn.Module, inputs: Any, output: Any) -> None:
        if getattr(module, "fails", False):
            left[0] -= 1
            if left[0] < 0:
                raise ValueError("the network fails")

    handle = register_module_forward_hook(fail)
    try:
        yield left
    finally:
        handle.remove()
