"""Numpy arrays in a replica: small ones are copied, one over a tensor of the network stays over the replica's.

A large array is data, and copying it would cost what it weighs. So a replica has a view of it that can't be written
to, until a first contact shows that the network writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

MOST_BYTES = 2**24
"""Bytes of an array up to which a replica has its own, whatever the network does with it."""
Array = np.ndarray[Any, Any]


@dataclass
class ReadOnly:
    """Arrays of the user's that a replica may only read."""

    arrays: list[Array] = field(default_factory=list)
    owners: set[int] = field(default_factory=set)
    """The ``id`` of each of the network's tensors over which one of them lies."""
    tensors: list[torch.Tensor] = field(default_factory=list)

    def memory(self) -> Iterator[torch.Tensor]:
        """Yield tensors over the arrays' memory, where no array was made of a tensor."""
        for array in self.arrays:
            try:
                self.tensors.append(torch.from_numpy(array))
            except (TypeError, ValueError):  # a type that torch has none of, or steps backwards
                continue
            yield self.tensors[-1]

    def has(self, written: torch.Tensor) -> bool:
        """Return whether a tensor is one of :meth:`memory`."""
        return any(tensor is written for tensor in self.tensors)


class ArrayCopies:
    """Maker of a replica's arrays.

    owners: the network's tensor over whose memory an array lies, by the array's ``id``. writes: the network writes to
    arrays, so that it has all of them of its own.
    """

    def __init__(self, owners: Mapping[int, torch.Tensor], writes: bool) -> None:
        self.met: list[Array] = []
        self.read_only = ReadOnly()
        self._owners, self._writes = owners, writes

    def copy(self, array: Array, copy: Callable[[Any], Any]) -> Array:
        """Return the replica's array for the user's; that one itself where its class is of the user's making."""
        self.met.append(array)
        owner = self._owners.get(id(array))
        # copying it would run code of the user's class
        if not type(array).__module__.startswith("numpy"):
            return array
        if owner is not None:
            return self._over(array, owner, copy(owner))
        # the elements are objects, which may be modules
        if array.dtype == object:
            twin = array.copy()
            for place, item in enumerate(twin.flat):
                twin.flat[place] = copy(item)
            return twin
        return array.copy() if self._writes or array.nbytes <= MOST_BYTES else self._view(array, array)

    def _view(self, array: Array, twin: Array) -> Array:
        self.read_only.arrays.append(array)
        view = twin.view()
        # a write raises: at first contact that tells of it, and the network then gets arrays of its own
        view.flags.writeable = False
        return view

    def _over(self, array: Array, owner: torch.Tensor, mine: torch.Tensor) -> Array:
        if mine.device.type != "cpu" or mine.stride() != owner.stride():  # no array can lie over it
            return array.copy()
        flat = mine.detach().as_strided((mine.numel(),), (1,)).view(torch.uint8).numpy()
        start = array.__array_interface__["data"][0] - owner.data_ptr()
        # over the copy's memory as the user's lies over the tensor: what the network writes through one it reads
        # through the other
        twin: Array = np.ndarray(array.shape, array.dtype, flat, start, array.strides)
        # the replica's own copy of the tensor may be written to
        if mine.data_ptr() != owner.data_ptr():
            return twin
        self.read_only.owners.add(id(owner))
        return self._view(array, twin)


def owners_of(arrays: Sequence[Array], tensors: Iterable[torch.Tensor]) -> Mapping[int, torch.Tensor]:
    """Return, by an array's id, the tensor in whose memory it lies; others are left out."""
    if not arrays:
        return {}
    spans = [(_tensor_span(tensor), tensor) for tensor in tensors if _in_memory(tensor)]
    owners = {}
    for array in arrays:
        begin, end = _span(array)
        owner = next((tensor for (first, last), tensor in spans if first <= begin and end <= last), None)
        # an empty array has an address like any other, and lies over nothing
        if owner is not None and array.size:
            owners[id(array)] = owner
    return owners


def _in_memory(tensor: torch.Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and tensor.numel() > 0


def _tensor_span(tensor: torch.Tensor) -> tuple[int, int]:
    reach = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    whole = reach + 1 == tensor.numel()  # else a copy of it is laid out differently
    return tensor.data_ptr(), tensor.data_ptr() + tensor.numel() * tensor.element_size() * whole


def _span(array: Array) -> tuple[int, int]:
    begin = end = array.__array_interface__["data"][0]
    for size, stride in zip(array.shape, array.strides, strict=True):
        step = (size - 1) * stride
        begin, end = (begin + step, end) if step < 0 else (begin, end + step)
    return begin, end + array.itemsize
