"""Memory of a tensor: itself where it is strided, and of a sparse one the tensors that it is made of."""

from __future__ import annotations

import torch

_PARTS: dict[torch.layout, tuple[str, ...]] = {
    torch.sparse_coo: ("_indices", "_values"),
    **dict.fromkeys((torch.sparse_csr, torch.sparse_bsr), ("crow_indices", "col_indices", "values")),
    **dict.fromkeys((torch.sparse_csc, torch.sparse_bsc), ("ccol_indices", "row_indices", "values")),
}
"""Methods of a sparse tensor that return its parts, sharing their memory."""


def strided_parts(tensor: torch.Tensor) -> list[torch.Tensor]:
    """Return the strided tensors that a tensor's values lie in, sharing memory; none for a layout of torch's own."""
    if tensor.layout == torch.strided and not tensor.is_nested:
        return [tensor]
    with torch.no_grad():
        if tensor.is_nested:
            return [tensor.values().detach()]
        return [getattr(tensor, name)().detach() for name in _PARTS.get(tensor.layout, ())]


def addresses(tensor: torch.Tensor) -> tuple[int, ...]:
    """Return where a tensor's values are, one address a part."""
    return tuple(part.data_ptr() for part in strided_parts(tensor))
