"""Replica: a structural copy of a network whose modules are ours and whose tensors are the user's.

Hooks and ``eval()`` go on the replica, so the user's model has none of ours on it, ever, and may be trained
by another cell meanwhile. What is copied and what is shared is :mod:`nbviz.replica.copying.copier`'s to say.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from nbviz.errors import NbvizError
from nbviz.replica.copying.arrays import ArrayCopies, ReadOnly, owners_of
from nbviz.replica.copying.copier import Copier, HookCopy, TensorMap
from nbviz.replica.copying.memory_parts import addresses
from nbviz.replica.copying.refusals import check_runnable, not_a_network
from nbviz.replica.user_code.user_hooks import UserHooks
from nbviz.wrappers import unwrap


def instrumentable(net: object) -> nn.Module:
    """Return the module inside ``DataParallel``, ``DistributedDataParallel`` and ``torch.compile`` wrappers.

    Raises :class:`NbvizError` for anything that cannot be instrumented: other objects, and networks with parts in
    TorchScript, exported graphs, sharded weights or weights without values.
    """
    inner = unwrap(net) if isinstance(net, nn.Module) else None
    if inner is None:
        raise NbvizError(not_a_network(net))
    check_runnable(inner)
    return inner


def replicate(net: nn.Module, tensor_map: TensorMap | None = None, hooks: UserHooks | None = None) -> nn.Module:
    """Make a replica of ``net`` in eval mode; tensors are shared, or what ``tensor_map`` makes of them.

    hooks: decides on the network's own. Milliseconds, no bytes of weights copied. Raises :class:`NbvizError` for
    parameters not yet initialised.
    """
    return replica(net, tensor_map, hooks).net


class Replica(NamedTuple):
    """Replica of a network, and all that it has of its own."""

    net: nn.Module
    modules: list[nn.Module]
    """All modules copied: those that the network holds without registering them too."""
    objects: list[object]
    """All objects copied, tensors aside."""
    originals: frozenset[int]
    """The ``id`` of each of the user's objects that these are copies of; the objects are not held."""
    tensors: list[tuple[int, torch.Tensor]]
    """All tensors copied, each with the ``id`` of the user's."""
    users: list[torch.Tensor]
    """All tensors that the user's network reaches, once each, in a fixed order."""
    read_only: ReadOnly
    """The user's arrays that it may only read."""


def replica(
    net: nn.Module,
    tensor_map: TensorMap | None = None,
    hooks: UserHooks | None = None,
    aliases: bool = False,
    writes_arrays: bool = False,
) -> Replica:
    """Make a replica, with the record of all it has of its own.

    aliases: in place of tensors that are shared. writes_arrays: arrays of its own of any size.
    """

    def mapped(value: torch.Tensor) -> torch.Tensor:
        twin = _shared(value, tensor_map)
        return alias(value) if aliases and twin is value else twin

    # whatever the caller is inside of: tensors made in inference mode can't be used for a gradient later
    with torch.inference_mode(False), torch.no_grad():
        # three tries are enough for a thread that writes now and then; a fourth says what is wrong
        for _ in range(3):
            try:
                return _replica(net, mapped, hooks, writes_arrays)
            except RuntimeError as error:
                # the network, running in another thread, wrote to attributes that were being copied
                if "during iteration" not in str(error):
                    raise
        return _replica(net, mapped, hooks, writes_arrays)


def _replica(net: nn.Module, mapped: TensorMap, hooks: UserHooks | None, writes_arrays: bool) -> Replica:
    copier, twin = _copy(net, mapped, (hooks or UserHooks()).copy, writes_arrays)
    modules = list(twin.modules())
    for module in modules:
        _plain(module)
    own = list(copier.own())
    tensors = [(id(theirs), mine) for theirs, mine in own if isinstance(mine, torch.Tensor)]
    objects = [(theirs, mine) for theirs, mine in own if not isinstance(mine, torch.Tensor)]
    originals, copies = frozenset(id(theirs) for theirs, _ in objects), [mine for _, mine in objects]
    own_modules, read_only = [*modules, *copier.modules.values()], copier.arrays.read_only
    return Replica(twin.eval(), own_modules, copies, originals, tensors, copier.tensors, read_only)


def _copy(net: nn.Module, mapped: TensorMap, hook_copy: HookCopy, writes_arrays: bool) -> tuple[Copier, nn.Module]:
    copier = Copier(mapped, hook_copy, ArrayCopies({}, writes_arrays))
    twin = copier.network(net)
    owners = owners_of(copier.arrays.met, copier.tensors)
    if owners:  # all tensors are known only now
        copier = Copier(mapped, hook_copy, ArrayCopies(owners, writes_arrays))
        twin = copier.network(net)
    return copier, twin


def tensors(net: nn.Module) -> list[torch.Tensor]:
    """Return every tensor reachable from the network's modules, once each, in a fixed order.

    Raises :class:`NbvizError` for parameters not yet initialised.
    """
    copier = Copier(lambda tensor: tensor, UserHooks().copy)
    copier.network(net)
    return copier.tensors


def _shared(value: torch.Tensor, tensor_map: TensorMap | None) -> torch.Tensor:
    if tensor_map is not None:
        return copied(value, tensor_map)
    # autograd cannot save inference tensors for its backward pass
    return copied(value, torch.clone) if value.is_inference() else value


def alias(value: torch.Tensor) -> torch.Tensor:
    """Return another tensor over the same memory; setting its ``.data`` or ``.grad`` leaves the first one's alone.

    One of an odd kind, or within a graph, is returned itself.
    """
    if type(value) not in (torch.Tensor, nn.Parameter) or not value.is_leaf or value.is_inference():
        return value
    twin = value.detach()
    twin = nn.Parameter(twin, value.requires_grad) if isinstance(value, nn.Parameter) else twin
    # attributes that the user set on it, which a forward may read
    twin.requires_grad_(value.requires_grad).__dict__.update(value.__dict__)
    return twin


def attributes(tensor: torch.Tensor) -> tuple[object, ...]:
    """Return all of a tensor that can be set without an operation: where its values are, whether it has a gradient …"""
    hooks = len(tensor._backward_hooks or ())  # noqa: SLF001 - our own
    shape = None if tensor.is_nested else tensor.shape  # a nested one has none
    return addresses(tensor), shape, tensor.dtype, tensor.requires_grad, tensor.grad is None, hooks


def copied(value: torch.Tensor, tensor_map: TensorMap) -> torch.Tensor:
    """Return ``tensor_map`` of a tensor, still a Parameter if it was one."""
    twin = tensor_map(value.detach())
    if addresses(twin) == addresses(value) and twin.dtype == value.dtype and not value.is_inference():
        return value
    if isinstance(value, nn.Parameter):
        return nn.Parameter(twin, requires_grad=value.requires_grad)
    return twin


def _plain(module: nn.Module) -> None:
    """Let the replica run uncompiled: compiled code has one autograd node and calls no hook."""
    if isinstance(module, torch.jit.ScriptModule):
        return
    if getattr(module, "_compiled_call_impl", None) is not None:
        module._compiled_call_impl = None
    for name, child in module._modules.items():
        # parts may be compiled by themselves
        module._modules[name] = None if child is None else unwrap(child)
