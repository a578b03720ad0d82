"""A check that the tensors of a replica are the user's: themselves, or others over the same memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

Named = Mapping[str, torch.Tensor]


def check_aliases(mine: Named, theirs: Named) -> None:
    """Assert that tensors are others of the same names, or alias them: a write in place of theirs is one of mine."""
    assert mine.keys() == theirs.keys()
    for name, user in theirs.items():
        assert _looks(mine[name]) == _looks(user), name
        version = user._version
        with torch.no_grad():
            user.add_(0)
        assert mine[name]._version == user._version == version + 1, name


def _looks(tensor: torch.Tensor) -> tuple[Any, ...]:
    memory = tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype
    return type(tensor), tensor.requires_grad, *memory
