"""Arrays over the memory of tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nbviz.arrays import array_of


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float64, torch.complex64])
def test_equal_and_no_trace_on_the_tensor(dtype: torch.dtype) -> None:
    tensor = torch.arange(6).reshape(2, 3).to(dtype).T
    array = array_of(tensor)
    assert array.tolist() == tensor.tolist() and array.shape == (3, 2)
    assert tensor.untyped_storage().resizable()


def test_shares_memory() -> None:
    tensor = torch.zeros(3, requires_grad=True)
    array = array_of(tensor)
    tensor.data[1] = 2
    assert array.tolist() == [0, 2, 0]


def test_views_that_are_computed() -> None:
    tensor = torch.tensor([1 + 2j])
    assert array_of(tensor.conj()).tolist() == [1 - 2j] and array_of(tensor.conj().imag).tolist() == [-2]


def test_type_that_numpy_has_not() -> None:
    with pytest.raises(TypeError, match="bfloat16"):
        array_of(torch.zeros(2, dtype=torch.bfloat16))
    assert isinstance(array_of(torch.zeros(())), np.ndarray)
