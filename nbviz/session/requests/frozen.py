"""Frozen options of a method as part of a request: hashable, and equal where their contents are equal.

An option may be a tensor, an array or a list, as integrated gradients' baseline is: neither compares to one truth value
nor, mostly, has a hash. Such values are copied and stand under a digest of their contents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from nbviz.arrays import array_of

FrozenOptions = tuple[tuple[str, Any], ...]
"""(name, value) of options that differ from the method's defaults, by name."""


class ByContents:
    """Copy of a value that is compared by its contents."""

    def __init__(self, value: object) -> None:
        # a copy: the caller may write to theirs, and the request's key must not change
        self.value: object = value.detach().clone() if isinstance(value, torch.Tensor) else deepcopy(value)
        self._key = _key(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByContents) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return repr(self.value)


def freeze(options: Mapping[str, object]) -> FrozenOptions:
    """Return options by name as part of a request."""
    return tuple(sorted((name, _frozen(value)) for name, value in options.items()))


def thaw(options: FrozenOptions) -> dict[str, Any]:
    """Return the options of a request as a method takes them."""
    return {name: value.value if isinstance(value, ByContents) else value for name, value in options}


def _frozen(value: object) -> object:
    # a function is itself: its closure may change under it, but calling it is all that could tell
    # a module is callable too, and its weights are its contents
    plain = value is None or callable(value) or isinstance(value, (str, bytes, bool, int, float, complex, ByContents))
    return value if plain and not isinstance(value, torch.nn.Module) else ByContents(value)


def _key(value: object) -> Hashable:
    if isinstance(value, torch.Tensor):
        plain = value.detach().contiguous().reshape(-1).view(torch.uint8)
        digest = hashlib.sha256(array_of(plain).tobytes()).digest()
        return "tensor", value.dtype, value.device, tuple(value.shape), digest
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return "array", value.dtype.str, value.shape, hashlib.sha256(value.tobytes()).digest()
    if isinstance(value, Mapping):
        return "mapping", frozenset((name, _key(item)) for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(_key(item) for item in value)
    if isinstance(value, Hashable) and _hashes(value):
        return value
    return type(value).__name__, id(value)


def _hashes(value: Hashable) -> bool:
    try:
        hash(value)
    except TypeError:  # a tuple says it is hashable, whatever is in it
        return False
    return True
