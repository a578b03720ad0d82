"""Modules that wrap a whole network: DataParallel, DistributedDataParallel, torch.compile's."""

from __future__ import annotations

from torch import nn


def unwrap(net: nn.Module) -> nn.Module:
    """Return the network inside all its wrappers; one without any is returned itself."""
    while (inner := _inner(net)) is not None:
        net = inner
    return net


def _inner(net: nn.Module) -> nn.Module | None:
    if isinstance(net, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return net.module
    return net._modules["_orig_mod"] if type(net).__name__ == "OptimizedModule" else None
