"""Modes of torch, thread by thread: as our work needs them inside, and as the caller had them outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

import torch

T = TypeVar("T")


def isolated_steps(
    answers: Iterator[T], context: Callable[[], AbstractContextManager[None]] = nullcontext
) -> Iterator[T]:
    """Iterate with :func:`isolated` modes inside each step only, so that a generator may be left at any yield.

    around: another context for each step.
    """
    try:
        while True:
            with isolated(), context():
                try:
                    answer = next(answers)
                except StopIteration:
                    return
            yield answer
    finally:
        # at once, not when it is collected: what it holds may be a whole graph
        close = getattr(answers, "close", None)
        if close is not None:
            close()


@contextmanager
def isolated() -> Iterator[None]:
    """Switch gradients on, inference mode and autocast off, whatever the caller is inside of; put back after."""
    enabled = torch.is_grad_enabled()
    try:
        with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
            if torch.cuda.is_available():
                with torch.autocast("cuda", enabled=False):
                    yield
            else:
                yield
    finally:
        # a forward may switch it for its thread, and the contexts put back only what they set themselves
        torch.set_grad_enabled(enabled)
