"""Digests of functions, equal in every process: a picture made by changed code is another picture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from nbviz.replica.watching.identity import described, is_plain

OWN = "nbviz."


def code_key(function: Callable[..., Any]) -> str:
    """Return the digest of a function's code, defaults, and all it closes over or names; "" for nbviz's own functions.

    ValueError where it depends on an object that is neither code nor a plain value: two such can't be told apart.
    """
    if function.__module__.startswith(OWN):
        return ""
    return hashlib.blake2b(repr(_described(function, [])).encode(), digest_size=6).hexdigest()


def _described(function: Callable[..., Any], callers: list[FunctionType]) -> object:
    if not isinstance(function, FunctionType):
        raise ValueError(f"{function!r} is no function")
    # a function that calls itself, through others too: its name is enough, its code is in the digest already
    if function in callers:
        return function.__qualname__
    callers = [*callers, function]
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    names = {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}
    uses = [_value(value, function, callers) for value in (*cells, *(function.__defaults__ or ()))]
    known = {
        name: _value(value, function, callers) for name, value in {**names, **(function.__kwdefaults__ or {})}.items()
    }
    return described(function.__code__), uses, sorted(known.items())


def _names(code: CodeType) -> Iterator[str]:
    yield from sorted(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _value(value: object, function: FunctionType, callers: list[FunctionType]) -> object:
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, FunctionType) and value.__module__ == function.__module__:
        return _described(value, callers)
    # another module's by name: what a library computes is its version's business
    if callable(value) and getattr(value, "__module__", None) != function.__module__:
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    if is_plain(value):
        return repr(value)
    raise ValueError(f"{value!r:.80} is neither code nor a plain value")
