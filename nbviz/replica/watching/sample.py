"""Sample of a network's values, spread over every tensor, which training always moves: read twice a pass."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from nbviz.arrays import array_of

SIZE = 64
"""Values of a tensor that are read."""
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class ValueSample:
    """Views of at most 64 values of each of some dense tensors, sharing their memory."""

    def __init__(self, tensors: Iterable[torch.Tensor]) -> None:
        # numpy joins hundreds of short views in half the time that torch needs
        self._arrays: dict[np.dtype, list[np.ndarray]] = {}
        self._tensors: dict[tuple[torch.dtype, torch.device], list[torch.Tensor]] = {}
        for tensor in tensors:
            view = _view(tensor)
            if type(view) is torch.Tensor and view.device.type == "cpu":
                array = array_of(view.view(_INTEGERS[view.element_size()]))
                self._arrays.setdefault(array.dtype, []).append(array)
            else:
                self._tensors.setdefault((view.dtype, view.device), []).append(view)

    def read(self) -> tuple[bytes, ...]:
        """Return the values now."""
        with torch.no_grad():
            # put together for one read a type and device
            others = [torch.cat(views).cpu().view(torch.uint8).numpy() for views in self._tensors.values()]
        return tuple(values.tobytes() for values in (*map(np.concatenate, self._arrays.values()), *others))


def _view(tensor: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        data = tensor.detach()
        if data.is_complex():
            data = torch.view_as_real(data.resolve_conj())
        if not data.is_contiguous() or data.is_neg():
            strides, sizes = data.stride(), data.shape
            axis = max(range(data.dim()), key=lambda i: sizes[i])
            return data.as_strided((min(sizes[axis], SIZE),), (strides[axis],))
        flat = data.view(-1)
        return flat[:: max(1, -(-flat.numel() // SIZE))]
