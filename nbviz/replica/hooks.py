"""Hooks on a replica, for the length of a ``with`` block: they record each layer's output.

A layer's output may be overwritten by the next, in-place operation; those outputs (known from the tracing
pass) are cloned in the hook. A module called several times has an output a call: ``name`` is the last call,
``name#1``, ``name#2`` … are the calls in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

OnOutput = Callable[[str, int, torch.Tensor], None]
OnCall = Callable[[str, int, Any, torch.Tensor], None]


class Enough(BaseException):
    """Signal that ends a forward whose rest is not wanted; not an Exception, so that no model swallows it."""


def first_tensor(output: Any) -> torch.Tensor | None:
    """Return the tensor a layer put out: itself, or the first in a tuple, list, dict or output object."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping) or hasattr(output, "values") and callable(output.values):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        for item in output:
            found = first_tensor(item)
            if found is not None:
                return found
    return None


def modules_of(net: nn.Module) -> dict[str, nn.Module]:
    """Return module by name, each module once, under its first name; the network itself is ``""``."""
    return dict(net.named_modules())


@contextmanager
def hooked(modules: Mapping[str, nn.Module], on_output: OnOutput) -> Iterator[None]:
    """Call ``on_output(name, call, tensor)`` for every output of the named modules; ``call`` counts from 1."""
    with hooked_calls(modules, lambda name, call, _, tensor: on_output(name, call, tensor)):
        yield


@contextmanager
def hooked_calls(modules: Mapping[str, nn.Module], on_call: OnCall) -> Iterator[None]:
    """Call ``on_call(name, call, inputs, tensor)`` as :func:`hooked` does, with the module's positional arguments."""
    handles = []
    calls: dict[str, int] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: Any, output: Any) -> None:
            calls[name] = calls.get(name, 0) + 1
            tensor = first_tensor(output)
            if tensor is not None:
                on_call(name, calls[name], inputs, tensor)

        return hook

    try:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(watch(name)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def split(name: str) -> tuple[str, int | None]:
    """Split a layer's name: ``"relu#2"`` → (``"relu"``, 2); ``"relu"`` → (``"relu"``, None)."""
    stem, mark, call = name.rpartition("#")
    return (stem, int(call)) if mark and call.isdigit() else (name, None)
