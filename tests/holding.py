"""Networks that hold one of their layers in every way that Python has."""

from __future__ import annotations

import collections
import dataclasses
import enum
import functools
import types
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

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


def _class_attribute(net: Holds) -> Call:
    class Keeps:
        bn = net.bn

        def __call__(self, x: torch.Tensor) -> torch.Tensor:
            return type(self).bn(x)

    return Keeps()


def _class_closing_over(net: Holds) -> Call:
    bn = net.bn

    class Calls(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(x) if self.there else x

        @staticmethod
        def norm(x: torch.Tensor) -> torch.Tensor:
            return bn(x)

        @property
        def there(self) -> bool:
            return bn is not None

    return Calls()


def _dispatched(net: Holds) -> Call:
    call = functools.singledispatch(_same)
    call.register(torch.Tensor, _closure(net))
    return call


class Proxy:
    """Stands for another object, whatever is asked of it."""

    def __init__(self, of: Any) -> None:
        object.__setattr__(self, "of", of)

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "of"), name)


class Frozen(NamedTuple):
    """Holds a module beside a number."""

    scale: int
    module: nn.Module


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """Holds a module in a slot that is not to be written."""

    module: nn.Module


class Key(enum.Enum):
    """Key of a table."""

    NORM = 1


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
    "class attribute": lambda: Holds(_class_attribute),
    "class that closes over it": lambda: Holds(_class_closing_over),
    "dispatch by type": lambda: Holds(_dispatched),
    "proxy": lambda: Holds(lambda net: Proxy(net.bn), lambda held: held.__call__),
    "named tuple": lambda: Holds(lambda net: Frozen(2, net.bn), lambda held: held.module),
    "frozen data class": lambda: Holds(lambda net: Settings(net.bn), lambda held: held.module),
    "table by enum": lambda: Holds(lambda net: {Key.NORM: net.bn}, lambda held: held[Key.NORM]),
    "default dictionary": lambda: Holds(
        lambda net: collections.defaultdict(lambda: net.bn), lambda held: dict(held).get("a", held.default_factory())
    ),
    "chained tables": lambda: Holds(lambda net: collections.ChainMap({}, {"a": net.bn}), lambda held: held["a"]),
    "bound to another": lambda: Holds(lambda net: types.MethodType(lambda bn, x: bn(x), net.bn)),
    "cached function": lambda: Holds(lambda net: functools.lru_cache(lambda: net.bn), lambda held: held()),
}


def holding(name: str, seed: int = 0) -> Holds:
    """A network of :data:`HOLDING` with seeded weights, in eval mode; the global RNG is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return HOLDING[name]().eval()  # type: ignore[return-value]
