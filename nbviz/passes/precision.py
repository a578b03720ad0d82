"""Precision: what is stored in half is multiplied, squared and summed in single."""

from __future__ import annotations

import torch

HALVES = (torch.float16, torch.bfloat16)


def at_least_single(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of half precision in single, any other as it is.

    float16 ends at 6e-8 and 65,504: squares of gradients vanish, products of few hundreds overflow.
    """
    return tensor.float() if tensor.dtype in HALVES else tensor
