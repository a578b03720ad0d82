"""Values of numpy's and Python's own that change in place: texts, streams and positions, copied whole."""

from __future__ import annotations

import array
import copy
import io
import pickle
import random
from collections.abc import Callable
from operator import is_
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch

from nbviz.replica.copying.holders import Cached
from nbviz.replica.copying.iterators import Replay
from nbviz.replica.user_code.streams import OwnGenerator

T = TypeVar("T")


class Value(NamedTuple):
    """Copy of one such object: its contents as something that can be compared, and a way to put them back."""

    copy: Callable[[Any], Any]
    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]


def _array_write(array: np.ndarray, contents: _Items | bytes) -> None:
    if isinstance(contents, _Items):
        for place, item in enumerate(contents):
            array.flat[place] = item
        return
    array[...] = np.frombuffer(contents, array.dtype).reshape(array.shape)


def _array_read(array: np.ndarray) -> _Items | bytes | None:
    if array.dtype == object:
        return _Items(array.flat)
    # what can't be written to can't have changed
    return array.tobytes() if array.flags.writeable else None


class _Items(list[Any]):
    """Elements of an array of objects, compared by identity."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Items) and len(self) == len(other) and all(map(is_, self, other))


def _stream_copy(stream: T) -> T:
    return copy.deepcopy(stream) if type(stream) in VALUES else stream  # a class of the user's could do anything


def _generator_write(generator: np.random.Generator, contents: bytes) -> None:
    # pickled, for the state is a dict with arrays, which compare element by element
    generator.bit_generator.state = pickle.loads(contents)


def _numbers_write(numbers: array.array[Any], contents: bytes) -> None:
    del numbers[:]
    numbers.frombytes(contents)


def _text_copy(stream: io.StringIO | io.BytesIO) -> io.StringIO | io.BytesIO:
    if type(stream) not in VALUES or stream.closed:
        return stream
    twin = type(stream)()
    # its text and its position, without moving the user's
    twin.__setstate__(stream.__getstate__())  # type: ignore[union-attr]
    return twin


_TEXT = Value(
    _text_copy,
    lambda stream: None if stream.closed else stream.__getstate__(),
    lambda stream, contents: stream.__setstate__(contents),
)

VALUES: dict[type, Value] = {
    bytearray: Value(bytearray, bytes, lambda held, contents: held.__setitem__(slice(None), contents)),
    array.array: Value(copy.copy, array.array.tobytes, _numbers_write),
    io.StringIO: _TEXT,
    io.BytesIO: _TEXT,
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
STREAMS = (random.Random, np.random.Generator, np.random.RandomState, torch.Generator)
"""Classes of random streams."""
OWN = {
    **VALUES,
    np.ndarray: Value(lambda array: array, _array_read, _array_write),
    OwnGenerator: Value(
        lambda generator: generator,
        lambda generator: generator.get_state().numpy().tobytes(),
        lambda generator, contents: generator.set_state(torch.frombuffer(bytearray(contents), dtype=torch.uint8)),
    ),
    Replay: Value(lambda iterator: iterator, lambda iterator: iterator.taken, lambda iterator, _: iterator.set_back()),
    Cached: Value(
        lambda function: function,
        lambda function: function.cache_info(),
        lambda function, _: function.cache_clear(),
    ),
}
"""Values that a replica holds, with those that the copier itself makes for it."""


def own_value(kind: type) -> Value | None:
    """Return how a replica's value of a class is read and put back; None for a class that has no such values."""
    return next((OWN[base] for base in kind.__mro__ if base in OWN), None)
