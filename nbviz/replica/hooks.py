"""Hooks on a replica: the one place where layers' outputs are recorded and edited.

A layer's output may be overwritten by the next, in-place operation; those outputs (known from the tracing
pass) are cloned in the hook. A module called several times has an output a call: ``name`` is the last call,
``name#1``, ``name#2`` … are the calls in order. A module whose own name ends like that has another # behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from typing import Any, TypeAlias, TypeVar

import torch
from torch import nn
from torch.utils import _pytree as pytree

from nbviz.errors import NbvizError

T = TypeVar("T")
Address = tuple[str, int]
"""A module's name and which of its calls in a forward, counted from 1: one output."""
RawOutput: TypeAlias = Any
"""Output as a module's forward returns it: a tensor, or a tuple, list, mapping or object with tensors somewhere in it.
Any, as torch's modules say nothing of it and people's functions read from it what they know to be there."""
Arguments = tuple[Any, ...]
"""Positional arguments that a module or one of torch's functions is called with."""
Keywords = dict[str, Any]
"""Keyword arguments of such a call."""
Edit = Callable[[torch.Tensor], torch.Tensor]
_LIKE_A_CALL = re.compile(r"#\d+#*$")
Call = Callable[..., RawOutput]
"""Call of a module."""
OnOutput = Callable[[str, int, torch.Tensor], None]
OnCall = Callable[[str, int, Arguments, torch.Tensor], None]


class Enough(BaseException):
    """Signal that ends a forward whose rest is not wanted; not an Exception, so that no model swallows it."""


def first_tensor(output: object) -> torch.Tensor | None:
    """Return the tensor a layer put out: itself, or the first in a tuple, list, dict or output object."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, Mapping) or hasattr(output, "values") and callable(output.values):
        output = list(output.values())
    if isinstance(output, (tuple, list)):
        for item in output:
            tensor = first_tensor(item)
            if tensor is not None:
                return tensor
    return None


def modules_of(net: nn.Module) -> dict[str, nn.Module]:
    """Return module by its layer's name, each module once, under its first name; the network itself is ``""``."""
    return {layer_name(name): module for name, module in net.named_modules()}


def layer_name(name: str) -> str:
    """Return a module's name as its layer has it: ``"x#2"`` → ``"x#2#"``, for calls alone end in # and a number."""
    return f"{name}#" if _LIKE_A_CALL.search(name) else name


def modules_named(net: nn.Module, names: Collection[str]) -> dict[str, nn.Module]:
    """Return module by name, of these names only; a few are found sooner than all."""
    modules: dict[str, nn.Module] = {}
    for name in names:
        module: nn.Module | None = net
        # through _modules: a getattr could run code of the user's class
        for part in name.split(".") if name else ():
            module = None if module is None else module._modules.get(part)
        if module is None or "#" in name:  # a dot within a part, or a name that its layer has otherwise
            every = modules_of(net)
            return {name: every[name] for name in names}
        modules[name] = module
    return modules


@contextmanager
def hooked(modules: Mapping[str, nn.Module], on_output: OnOutput) -> Iterator[None]:
    """Call ``on_output(name, call, tensor)`` for every output of the named modules; ``call`` counts from 1."""
    with hooked_calls(modules, lambda name, call, _, tensor: on_output(name, call, tensor)):
        yield


@contextmanager
def hooked_calls(modules: Mapping[str, nn.Module], on_call: OnCall) -> Iterator[None]:
    """Call ``on_call(name, call, inputs, tensor)`` as :func:`hooked` does, with the module's positional arguments."""
    calls: dict[str, int] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: Arguments, output: RawOutput) -> None:
            # counted before it is known whether there is a tensor: numbers must not depend on what a call puts out
            calls[name] = calls.get(name, 0) + 1
            tensor = first_tensor(output)
            if tensor is not None:
                on_call(name, calls[name], inputs, tensor)

        return hook

    mark = object()
    try:
        # into the replica's own dictionaries: a handle a hook would cost as much as its calls
        for name, module in modules.items():
            module._forward_hooks[mark] = watch(name)
        yield
    finally:
        for module in modules.values():
            module._forward_hooks.pop(mark, None)


@contextmanager
def record_layers(
    net: nn.Module,
    layers: Mapping[Address, T],
    on_output: Callable[[T, torch.Tensor], None],
    overwritten: Container[Address] = (),
) -> Iterator[None]:
    """Call ``on_output(layers[address], tensor)`` as layers put out; outputs in ``overwritten`` come as clones.

    layers: (module, call) → what the recorder knows that output by, such as its name. ``on_output`` may end the
    forward by raising :class:`Enough`.
    """
    modules = modules_named(net, dict.fromkeys(stem for stem, _ in layers))

    def keep(stem: str, call: int, tensor: torch.Tensor) -> None:
        if (stem, call) in layers:
            on_output(layers[stem, call], tensor.clone() if (stem, call) in overwritten else tensor)

    with hooked(modules, keep):
        yield


def cut(forward: Callable[[], object]) -> None:
    """Run a forward whose recorder may end it by :class:`Enough`."""
    try:
        forward()
    except Enough as enough:
        enough.__traceback__ = None  # it holds the frames of the forward, and so its tensors


def output_at(net: nn.Module, address: Address, forward: Callable[[], object]) -> torch.Tensor | None:
    """Return one layer's output, from a forward of ``net`` that ends there; None where it isn't reached."""
    outputs: list[torch.Tensor] = []

    def end(_: None, tensor: torch.Tensor) -> None:
        outputs.append(tensor)
        raise Enough

    with record_layers(net, {address: None}, end):
        cut(forward)
    return outputs[0] if outputs else None


def input_at(net: nn.Module, address: Address, forward: Callable[[], object]) -> torch.Tensor | None:
    """Return the tensor that a call of a module is given, from a forward that ends there; None if it isn't reached."""
    inputs: list[torch.Tensor] = []
    stem, number = address
    calls = count(1)

    def enter(_: nn.Module, given: Arguments) -> None:
        tensor = first_tensor(given)
        if next(calls) == number and tensor is not None:
            inputs.append(tensor)
            raise Enough

    handle = modules_of(net)[stem].register_forward_pre_hook(enter)
    try:
        cut(forward)
    finally:
        handle.remove()
    return inputs[0] if inputs else None


@contextmanager
def surrounded(net: nn.Module, enter: Callable[[str], None], leave: Callable[[str, RawOutput], None]) -> Iterator[None]:
    """Call ``enter(name)`` before and ``leave(name, output)`` after every call of every module."""
    with ExitStack() as undo:
        for name, module in modules_of(net).items():
            # name as a default: a closure would see the loop's last
            before = module.register_forward_pre_hook(lambda _, __, name=name: enter(name))
            after = module.register_forward_hook(lambda _, __, output, name=name: leave(name, output))
            undo.callback(before.remove)
            undo.callback(after.remove)
        yield


def edit_output(net: nn.Module, address: Address, edit: Edit) -> ExitStack:
    """Let a layer of a replica put out an edited tensor, from now on or for the length of a ``with`` block.

    Calls are counted from each forward's beginning, so that one that was cut short shifts none after it.
    """
    stem, number = address
    calls = 0

    def begin(_: nn.Module, __: Arguments) -> None:
        nonlocal calls
        calls = 0

    def hook(_: nn.Module, __: Arguments, output: RawOutput) -> RawOutput | None:
        nonlocal calls
        # a checkpoint runs its modules again in the backward, which is no further call of the forward
        again = torch._C._current_graph_task_id() != -1  # noqa: SLF001 - as torch.utils.checkpoint asks it
        if again and calls > 1:
            raise NbvizError(
                f"'{stem}' is called {calls} times, and run again in the backward by a checkpoint, which does not tell "
                "which of the calls it runs: turn checkpointing off, or edit another layer."
            )
        calls += not again
        return with_first_tensor(output, edit) if calls == number else None

    undo = ExitStack()
    # on the network, for a forward that was cut short called no hook after it
    undo.callback(net.register_forward_pre_hook(begin).remove)
    undo.callback(modules_of(net)[stem].register_forward_hook(hook).remove)
    return undo


def run_within(net: nn.Module, name: str, surrounding: Callable[[], AbstractContextManager[object]]) -> ExitStack:
    """Run every call of a module of a replica within a context, from now on or for the length of a ``with`` block.

    Hooks can't: those behind a forward aren't run where it is cut short.
    """

    def within(call: Call) -> Call:
        def surrounded(*args: object, **kwargs: object) -> RawOutput:
            with surrounding():
                return call(*args, **kwargs)

        return surrounded

    return instead_of_calls(modules_of(net)[name], within)


def instead_of_calls(module: nn.Module, change: Callable[[Call], Call]) -> ExitStack:
    """Let calls of a replica's module do what ``change`` returns for what they do now, until the stack is closed.

    By torch's own way round a module's hooks and forward, which ``Module.compile()`` uses: any other attribute would be
    put back after a pass, for a module that keeps something of its forwards.
    """
    undo, before = ExitStack(), module._compiled_call_impl
    undo.callback(setattr, module, "_compiled_call_impl", before)
    setattr(module, "_compiled_call_impl", change(before or module._call_impl))  # noqa: B010
    return undo


def with_first_tensor(output: RawOutput, edit: Edit) -> RawOutput:
    """Return a layer's output with its first tensor edited; what else it holds stays as it is.

    Raises NbvizError where that tensor is held by an object that no other can be put into.
    """
    first = first_tensor(output)
    if first is None:
        return output
    leaves, spec = pytree.tree_flatten(output)
    place = next((place for place, leaf in enumerate(leaves) if leaf is first), None)
    if place is None:
        raise NbvizError(
            f"A layer puts out a {type(output).__name__} whose tensors can't be replaced: edit a layer below it."
        )
    leaves[place] = edit(first)
    return pytree.tree_unflatten(leaves, spec)


def split(name: str) -> tuple[str, int | None]:
    """Split a layer's name: ``"relu#2"`` → (``"relu"``, 2); ``"relu"`` → (``"relu"``, None)."""
    stem, mark, call = name.rpartition("#")
    return (stem, int(call)) if mark and call.isdigit() else (name, None)
