"""Identity of a network, its one definition: equal weights, structure, plain attributes and code.

Two networks of one digest say the same of every picture, in this process or another. An index, an atlas and made
pictures on disk carry it. Inside a process :class:`~nbviz.replica.watching.watch.Watch` holds the same four things, by
identity instead of value, and so at every event.
"""

from __future__ import annotations

import dis
import hashlib
import re
from collections.abc import Callable, Iterable
from types import CodeType
from typing import Any

import torch
from torch import nn

from nbviz.arrays import array_of
from nbviz.replica.copying.memory_parts import strided_parts
from nbviz.replica.copying.reach import reached
from nbviz.replica.replica import tensors
from nbviz.replica.user_code.calls import is_installed
from nbviz.replica.user_code.user_hooks import HookListener

# Of every module, and no matter to what it puts out in a pass.
_MODULES_OWN = frozenset((*vars(nn.Module()), "_compiled_call_impl"))


def network_digest(net: nn.Module) -> str:
    """Return 32 hexadecimal digits that are equal for networks that say the same of every picture.

    net: the network itself or a replica of it. Code of the user's own counts by what it does, but not what it calls;
    code of installed packages by its name, so that another release of Python or of the package is no other network.
    An attribute that ``forward`` itself writes (a counter) doesn't count.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name, module in net.named_modules():
        # an address in a repr is another in every process
        shown = re.sub(r"0x[0-9a-f]+", "", module.extra_repr())
        digest.update(f"{name}|{type(module).__qualname__}|{shown}|{_behaviour(module)!r}".encode())
    for name, tensor in _named(net):
        digest.update(f"{name}|{tuple(tensor.shape)}|{tensor.dtype}".encode())
        for part in strided_parts(tensor) if tensor.device.type != "meta" else ():
            # bytes in the order of the shape: how they lie in memory is no part of a network
            data = part.detach().contiguous()
            digest.update(array_of(data.reshape(-1).view(torch.uint8)).tobytes())
    return digest.hexdigest()


def _named(net: nn.Module) -> Iterable[tuple[str, torch.Tensor]]:
    """Return parameters and buffers by name, then all other tensors that the modules hold.

    Not those of a preprocessing that the network carries: it makes some when it is first used.
    """
    known = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    yield from known.items()
    carried = (part for part in reached(getattr(net, "nbviz_preprocessing", None)) if isinstance(part, torch.Tensor))
    seen = {id(tensor) for tensor in (*known.values(), *carried)}
    yield from (("", tensor) for tensor in tensors(net) if id(tensor) not in seen)


def _behaviour(module: nn.Module) -> list[Any]:
    """Return the code of its functions and hooks, and the attributes that they may look up."""
    hooks = [*module._forward_pre_hooks.values(), *module._forward_hooks.values()]
    hooks = [hook.hook if isinstance(hook, HookListener) else hook for hook in hooks]
    own = {name: value for name, value in vars(module).items() if name not in _MODULES_OWN}
    functions = [*_functions(type(module)), *hooks, *(value for value in own.values() if callable(value))]
    written = _written(getattr(type(module).forward, "__code__", None))
    plain = {name: value for name, value in own.items() if name not in written and is_plain(value)}
    return [[_code_of(function) for function in functions], sorted(plain.items())]


def _functions(kind: type) -> list[Callable[..., Any]]:
    functions: dict[str, Any] = {}
    for base in reversed(kind.__mro__[: kind.__mro__.index(nn.Module)]):
        functions.update((name, value) for name, value in vars(base).items() if hasattr(value, "__code__"))
    return [functions[name] for name in sorted(functions) if name != "__init__"] or [getattr(kind, "forward")]  # noqa: B009


def _written(code: CodeType | None) -> frozenset[str]:
    if code is None:
        return frozenset()
    return frozenset(step.argval for step in dis.get_instructions(code) if step.opname == "STORE_ATTR")


def is_plain(value: object) -> bool:
    """Return whether a value is a number, text, None, or a sequence of these, whose ``repr`` tells all of it."""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes))


def _code_of(function: object) -> tuple[str, object]:
    code = getattr(function, "__code__", None)
    own = code is not None and not is_installed(code.co_filename)
    return getattr(function, "__qualname__", ""), described(code) if own else None


def described(code: object) -> object:
    """Return code as plain values: its constants may hold code again, and sets in any order."""
    if isinstance(code, CodeType):
        return code.co_code, code.co_names, [described(constant) for constant in code.co_consts]
    # a set's order follows hashes, which differ from process to process
    return sorted(map(repr, code)) if isinstance(code, frozenset) else repr(code)
