"""Networks that hold one of their layers in every way that Python has."""

from __future__ import annotations

import collections
import functools
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

Call = Callable[[torch.Tensor], torch.Tensor]


class Slots:
    """Holds a module in a slot."""

    __slots__ = ("module",)

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x)


class Plain:
    """Holds a module in its dictionary."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x)


class Holds(nn.Module):
    """Calls its batch norm through what ``hold(network)`` makes of it; ``take`` is how to get at the call."""

    def __init__(self, hold: Callable[[Holds], Any], take: Callable[[Any], Call] = lambda held: held) -> None:
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)
        self.held = hold(self)
        self.take = take

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.take(self.held)(self.conv(x)).relu().mean((2, 3)))


def _closure(net: Holds) -> Call:
    return lambda x: net.bn(x)


def _keyword(net: Holds) -> Call:
    def call(x: torch.Tensor, *, bn: nn.Module = net.bn) -> torch.Tensor:
        return bn(x)

    return call


def _weak(net: Holds) -> Call:
    reference = weakref.ref(net.bn)
    return lambda x: reference()(x)  # type: ignore[misc]


def _weak_proxy(net: Holds) -> Call:
    proxy = weakref.proxy(net.bn)
    return lambda x: proxy(x)


def _nested(net: Holds) -> Call:
    def logged(inner: Call) -> Call:
        @functools.wraps(inner)
        def call(x: torch.Tensor) -> torch.Tensor:
            return inner(x)

        return call

    return logged(logged(logged(logged(_closure(net)))))


def _hook(net: Holds) -> Call:
    calls = [_closure(net)]
    net.conv.register_forward_hook(lambda module, inputs, output: calls[0](output))
    return _same


def _same(x: torch.Tensor) -> torch.Tensor:
    return x


def _forward_replaced(net: Holds) -> Call:
    forward = net.bn.forward

    def call(x: torch.Tensor) -> torch.Tensor:
        return forward(x)

    net.bn.forward = call  # type: ignore[method-assign]
    return net.bn


def _first(held: Any) -> Call:
    return held[0]


HOLDING: dict[str, Callable[[], Holds]] = {
    "closure": lambda: Holds(_closure),
    "list": lambda: Holds(lambda net: [_closure(net)], _first),
    "tuple": lambda: Holds(lambda net: (_closure(net),), _first),
    "dict": lambda: Holds(lambda net: {"a": _closure(net)}, lambda held: held["a"]),
    "dict in list": lambda: Holds(lambda net: [{"a": _closure(net)}], lambda held: held[0]["a"]),
    "partial": lambda: Holds(lambda net: functools.partial(_closure(net))),
    "default": lambda: Holds(lambda net: lambda x, bn=net.bn: bn(x)),
    "keyword default": lambda: Holds(_keyword),
    "slots": lambda: Holds(lambda net: Slots(net.bn)),
    "object": lambda: Holds(lambda net: Plain(net.bn)),
    "object in object": lambda: Holds(lambda net: Plain(Slots(Plain(Slots(Plain(net.bn)))))),  # type: ignore[arg-type]
    "weak reference": lambda: Holds(_weak),
    "weak proxy": lambda: Holds(_weak_proxy),
    "deque": lambda: Holds(lambda net: collections.deque([net.bn]), _first),
    "forward hook": lambda: Holds(_hook),
    "bound method": lambda: Holds(lambda net: [net.bn.forward], _first),
    "closures in closures": lambda: Holds(_nested),
    "forward replaced": lambda: Holds(_forward_replaced),
}


def holding(name: str, seed: int = 0) -> Holds:
    """A network of :data:`HOLDING` with seeded weights, in eval mode; the global RNG is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return HOLDING[name]().eval()  # type: ignore[return-value]
