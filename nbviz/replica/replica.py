"""A structural copy of a network whose modules are ours and whose tensors are the user's.

Hooks and ``eval()`` go on the replica, so the user's model has none of ours on it, ever, and may be trained
by another cell meanwhile. The copy is ``copy.deepcopy`` with a memo that already holds everything reachable
that is neither a module nor a container of modules: those objects, tensors above all, are shared.
"""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from nbviz.errors import NbvizError

TensorMap = Callable[[torch.Tensor], torch.Tensor]
_CONTAINERS = (dict, list, tuple, set, frozenset)
_ATOMS = (int, float, str, bool, type(None), type)


def unwrap(net: Any) -> nn.Module:
    """The module inside ``DataParallel``, ``DistributedDataParallel`` and ``torch.compile`` wrappers.

    Raises :class:`NbvizError` for anything that cannot be instrumented (ScriptModules, other objects).
    """
    while isinstance(net, nn.Module):
        if isinstance(net, torch.jit.ScriptModule):
            raise NbvizError(
                f"{type(net).__name__} is a TorchScript module, whose layers cannot be hooked. "
                "Pass the Python module it was scripted or traced from."
            )
        inner = _wrapped(net)
        if inner is None:
            return net
        net = inner
    raise NbvizError(f"A network must be a torch.nn.Module, not {type(net).__name__}: {net!r:.80}")


def _wrapped(net: nn.Module) -> nn.Module | None:
    if isinstance(net, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return net.module
    inner = net._modules.get("_orig_mod")
    return inner if type(net).__name__ == "OptimizedModule" else None


def replicate(net: nn.Module, tensor_map: TensorMap | None = None) -> nn.Module:
    """A replica of ``net`` in eval mode; tensors are shared, or what ``tensor_map`` makes of them.

    Milliseconds, no bytes of weights copied. Raises :class:`NbvizError` for parameters not yet initialised.
    """
    memo: dict[int, Any] = {}
    rebuild: list[types.FunctionType] = []
    for value in _leaves(net):
        if isinstance(value, types.FunctionType):
            rebuild.append(value)
        elif isinstance(value, torch.Tensor):
            memo[id(value)] = _shared(value, tensor_map)
        else:
            memo[id(value)] = value
    twin = copy.deepcopy(net, memo)
    for function in rebuild:
        _redirect(twin, function, memo)
    for module in list(twin.modules()):
        _plain(module)
    return twin.eval()


def tensors(net: nn.Module) -> list[torch.Tensor]:
    """Every tensor reachable from the network's modules, once each, in a fixed order.

    Raises :class:`NbvizError` for parameters not yet initialised.
    """
    found: dict[int, torch.Tensor] = {}
    for value in _leaves(net):
        if isinstance(value, torch.Tensor):
            found.setdefault(id(value), value)
    return list(found.values())


def _shared(value: torch.Tensor, tensor_map: TensorMap | None) -> torch.Tensor:
    if tensor_map is not None:
        return copied(value, tensor_map)
    # autograd cannot save inference tensors for its backward pass
    return copied(value, torch.clone) if value.is_inference() else value


def copied(value: torch.Tensor, tensor_map: TensorMap) -> torch.Tensor:
    """``tensor_map`` of a tensor, still a Parameter if it was one."""
    with torch.inference_mode(False), torch.no_grad():
        made = tensor_map(value.detach())
    if made.data_ptr() == value.data_ptr() and made.dtype == value.dtype and not value.is_inference():
        return value
    if isinstance(value, nn.Parameter):
        return nn.Parameter(made, requires_grad=value.requires_grad)
    return made


def _leaves(net: nn.Module) -> Iterator[Any]:
    """What modules hold that is neither module nor holder of modules, through containers, methods and partials."""
    seen: set[int] = set()
    stack: list[Any] = [net]
    while stack:
        value = stack.pop()
        if isinstance(value, _ATOMS) or id(value) in seen:
            continue
        if isinstance(value, nn.parameter.UninitializedTensorMixin):
            raise NbvizError("The network has lazy modules without weights yet: run one batch through it first.")
        seen.add(id(value))
        parts = _parts(value)
        if parts is None:
            yield value
            continue
        if isinstance(value, types.FunctionType):
            yield value
        stack.extend(reversed(parts))


def _parts(value: Any) -> list[Any] | None:
    """What to look into; None for what is shared as it is."""
    if isinstance(value, nn.Module):
        return list(value.__dict__.values())
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, _CONTAINERS):
        return list(value)
    if isinstance(value, types.MethodType):
        return [value.__self__]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, torch.Tensor):
        return None
    # closures and objects of the user's own that hold modules must hold the replica's
    held = _cells(value) if isinstance(value, types.FunctionType) else _attributes(value)
    return held if any(_holds_module(item) for item in held) else None


def _attributes(value: Any) -> list[Any]:
    held = getattr(value, "__dict__", None)
    return list(held.values()) if isinstance(held, dict) and not isinstance(value, types.ModuleType) else []


def _holds_module(value: Any, depth: int = 3) -> bool:
    if isinstance(value, nn.Module):
        return True
    if depth == 0 or isinstance(value, (*_ATOMS, torch.Tensor)):
        return False
    if isinstance(value, dict):
        held = list(value.values())
    elif isinstance(value, _CONTAINERS):
        held = list(value)
    elif isinstance(value, types.MethodType):
        held = [value.__self__]
    else:
        held = _cells(value) if isinstance(value, types.FunctionType) else _attributes(value)
    return any(_holds_module(item, depth - 1) for item in held[:256])


def _cells(function: types.FunctionType) -> list[Any]:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # a cell not filled yet
            continue
    return cells


def _redirect(twin: nn.Module, function: types.FunctionType, memo: dict[int, Any]) -> None:
    """Point a function that closes over the user's modules at the replica's instead."""
    cells = tuple(types.CellType(copy.deepcopy(c, memo)) for c in _cells(function))
    if len(cells) != len(function.__closure__ or ()):
        return
    made = types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, cells)
    made.__kwdefaults__ = function.__kwdefaults__
    for module in twin.modules():
        for name, value in module.__dict__.items():
            if value is function:
                module.__dict__[name] = made
            elif isinstance(value, dict):
                value.update({key: made for key, item in value.items() if item is function})


def _plain(module: nn.Module) -> None:
    """Let the replica run uncompiled: compiled code has one autograd node and calls no hook."""
    if getattr(module, "_compiled_call_impl", None) is not None:
        module._compiled_call_impl = None
    for name, child in module._modules.items():
        while child is not None and _wrapped(child) is not None:
            child = _wrapped(child)
        module._modules[name] = child
