"""Values of numpy's and Python's own that change in place: arrays and random streams, copied whole."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

MOST_BYTES = 2**24
"""Bytes of an array up to which a replica has its own; a larger one is data, and shared."""


class Value(NamedTuple):
    """Copy of one such object: its contents as something that can be compared, and a way to put them back."""

    copy: Callable[[Any], Any]
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]


def _array_copy(array: np.ndarray) -> np.ndarray:
    small = type(array) is np.ndarray and array.nbytes <= MOST_BYTES and not array.dtype.hasobject
    return array.copy() if small else array


def _array_write(array: np.ndarray, contents: bytes) -> None:
    array[...] = np.frombuffer(contents, array.dtype).reshape(array.shape)


def _stream_copy(stream: Any) -> Any:
    return copy.deepcopy(stream) if type(stream) in VALUES else stream  # a class of the user's could do anything


def _generator_write(generator: np.random.Generator, contents: bytes) -> None:
    generator.bit_generator.state = pickle.loads(contents)


VALUES: dict[type, Value] = {
    np.ndarray: Value(_array_copy, np.ndarray.tobytes, _array_write),
    random.Random: Value(_stream_copy, random.Random.getstate, random.Random.setstate),
    np.random.Generator: Value(
        _stream_copy, lambda generator: pickle.dumps(generator.bit_generator.state), _generator_write
    ),
    np.random.RandomState: Value(
        _stream_copy,
        lambda stream: pickle.dumps(stream.get_state(legacy=False)),
        lambda stream, contents: stream.set_state(pickle.loads(contents)),
    ),
}
