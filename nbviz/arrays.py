"""Arrays over the memory of somebody's tensors, which stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


def array_of(tensor: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return a tensor's values as an array, over the tensor's own memory where that is the CPU's; not to be written to.

    ``Tensor.numpy()`` leaves a trace on the tensor: its storage can't be resized any more, as sharded training does
    all the time. Raises TypeError for a type that numpy has not (bfloat16).
    """
    # classes of tensors, such as torchvision's boxes, have functions of their own
    plain = tensor.detach().cpu().as_subclass(torch.Tensor).resolve_conj().resolve_neg()
    if plain.dtype == torch.bool:
        # numpy before 2.0 takes no truth values this way
        return np.from_dlpack(plain.view(torch.uint8)).view(bool)
    try:
        return np.from_dlpack(plain)
    except (RuntimeError, BufferError) as error:
        raise TypeError(f"numpy has no {plain.dtype}") from error
