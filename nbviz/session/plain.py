"""Plain values of a selection, as JSON holds them, and back: numbers, texts, lists, arrays, masks, edits.

What JSON has no word for is a mapping with one key that names its kind, ``{"tensor": …}``. Arrays keep every bit.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from nbviz.arrays import array_of
from nbviz.edits import EDITS, Edit, Mask
from nbviz.errors import NbvizError, unknown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
"""Value as JSON holds it."""


def plain(value: object, what: str) -> Json:
    """Return a value as JSON holds it. what: how to call it. Raises NbvizError for what can't be written down."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):  # JSON has no word for an open limit
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (list, tuple)):
        return [plain(part, what) for part in value]
    # bits in base64, not lists of digits: a mask of 224 × 224 would be a megabyte of JSON
    if isinstance(value, torch.Tensor):
        return {"tensor": _array(value.detach().cpu().contiguous())}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"array": _array(torch.from_numpy(np.ascontiguousarray(value)))}
    if isinstance(value, Mask):
        return {"mask": [value.height, value.width, _words(value.bits)]}
    if isinstance(value, Edit) and is_dataclass(value) and type(value).__name__ in EDITS:
        return {"edit": type(value).__name__, **_fields(value, what)}
    raise NbvizError(
        f"{what} is {_kind_words(value)}, which can't be written down as plain data: set it in code instead."
    )


def value_of(data: object) -> Any:  # noqa: ANN401 - of the type that its trait checks
    """Return the value that :func:`plain` wrote; lists become tuples. Raises NbvizError for what it never writes."""
    if isinstance(data, (list, tuple)):
        return tuple(map(value_of, data))
    if not isinstance(data, Mapping):
        return data
    kind = next(iter(data), None)
    if kind not in _READERS:
        raise NbvizError(
            f"A value of a state is a number, words, a list, or one of {', '.join(_READERS)}, not {kind!r}."
        )
    try:
        return _READERS[kind](data)
    except NbvizError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
        raise NbvizError(f"The {kind} in this state can't be read: {error}.") from error


def _fields(edit: DataclassInstance, what: str) -> dict[str, Json]:
    """Return the fields of an edit that differ from their defaults."""
    changed = (field for field in fields(edit) if not is_default(edit, field))
    return {field.name: plain(getattr(edit, field.name), f"{what}, {field.name}") for field in changed}


def is_default(owner: object, field: Field[Any]) -> bool:
    """Return whether a dataclass's field has its default, in type and value."""
    default = field.default if field.default_factory is MISSING else field.default_factory()
    given = getattr(owner, field.name)
    # in type as well: True == 1, and code that writes 1 for True is another call
    return type(given) is type(default) and bool(given is default or given == default)


def _edit(data: Mapping[str, Any]) -> Edit:
    name = data["edit"]
    if name not in EDITS:
        raise unknown("Edit", name, EDITS, "nbviz")
    return EDITS[name].make(**{key: value_of(value) for key, value in data.items() if key != "edit"})


def _array(values: torch.Tensor) -> dict[str, Any]:
    bits = array_of(values.reshape(-1).contiguous().view(torch.uint8)).tobytes()
    return {"dtype": str(values.dtype).removeprefix("torch."), "shape": list(values.shape), "bytes": _words(bits)}


def _tensor(data: Mapping[str, Any]) -> torch.Tensor:
    dtype = getattr(torch, str(data["dtype"]), None)
    if not isinstance(dtype, torch.dtype):
        raise NbvizError(f"There is no kind of number called {data['dtype']!r}.")
    # a bytearray, as a tensor over bytes can't be written to; and frombuffer refuses an empty one
    flat = (
        torch.frombuffer(bytearray(_bytes(data["bytes"])), dtype=dtype)
        if data["bytes"]
        else torch.empty(0, dtype=dtype)
    )
    return flat.reshape(tuple(data["shape"]))


def _words(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(words: str) -> bytes:
    return base64.b64decode(words, validate=True)


def _kind_words(value: object) -> str:
    kind = type(value).__name__
    if callable(value) and not is_dataclass(value):
        return f"the function {getattr(value, '__name__', kind)!r} of your own"
    return f"{value!r:.40} ({kind})"


_READERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "float": lambda data: float(data["float"]),
    "tensor": lambda data: _tensor(data["tensor"]),
    "array": lambda data: _tensor(data["array"]).numpy(),
    "mask": lambda data: Mask(int(data["mask"][0]), int(data["mask"][1]), _bytes(data["mask"][2])),
    "edit": _edit,
}
