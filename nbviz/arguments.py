"""Numbers as arguments: Python's, numpy's, or a tensor's only one."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable
from pathlib import Path
from typing import SupportsFloat, SupportsIndex, TypeGuard

from nbviz.errors import NbvizError, unknown


def whole(value: object) -> int | None:
    """Return the number; None for anything else, True and 3.0 among it."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:  # a tensor of several numbers, or of floats
        return None


def real(value: object) -> float | None:
    """Return the number, infinite ones and NaN too; None for anything else, words and True among it."""
    if isinstance(value, bool) or not isinstance(value, SupportsFloat):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):  # an array or a tensor of several numbers
        return None
    except OverflowError:  # a whole number of more than 308 digits
        return None


def several(value: object) -> TypeGuard[Iterable[object]]:
    """Return whether a value holds several, as words do not."""
    # a single number of numpy's or torch's has what makes an Iterable, and nothing to iterate over
    alone = isinstance(value, (str, bytes)) or getattr(value, "ndim", None) == 0
    return isinstance(value, Iterable) and not alone


def listed(name: str, value: object) -> list[object]:
    """Return the items of an argument that holds several. NbvizError, with its name, for one that holds none."""
    if not several(value):
        raise NbvizError(f"{name}= is a list of numbers, not {value!r}.")
    return list(value)


def named(name: str, value: object) -> list[str]:
    """Return the names that an argument gives: one, or several in a list. NbvizError, with its own, for no names."""
    if isinstance(value, str):
        return [value]
    items = list(value) if several(value) else []
    names = [item for item in items if isinstance(item, str)]
    if not names or len(names) < len(items):
        raise NbvizError(f"{name}= is a name, or a list of names, not {value!r:.80}.")
    return names


def one_of(what: str, value: object, known: Iterable[str], where: str = "nbviz") -> str:
    """Check a name that is one of those known, UnknownName for any other. what, where: as for ``unknown``."""
    # a name first: an array is compared item by item, and a list can't be looked up
    if not isinstance(value, str) or value not in known:
        raise unknown(what, value, known, where)
    return str(value)


def layer_name(value: object) -> str:
    """Check the name of a layer, which only a network can find. NbvizError for what is no name."""
    if not isinstance(value, str):
        raise NbvizError(f"layer= is a layer's name, such as 'layer4.1.conv2', not {value!r:.80}.")
    return str(value)


def path_of(name: str, value: object) -> Path:
    """Return a path that an argument gives, ``~`` expanded. NbvizError, with its name, for what is none."""
    given = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(given, str):
        raise NbvizError(f"{name}= is a path, a string or a pathlib.Path, not {value!r:.80}.")
    return Path(os.path.expanduser(given))


def at_least(name: str, value: object, least: int) -> int:
    """Check an argument that is a whole number. NbvizError, with its name, for any other."""
    number = whole(value)
    if number is None or number < least:
        raise NbvizError(f"{name}= is a whole number of at least {least}, not {value!r}.")
    return number


def channel_number(layer: str, value: object, count: int) -> int:
    """Check the number of a channel of a layer with ``count``. NbvizError for one that isn't there."""
    number = whole(value)
    if number is None:
        raise NbvizError(f"A channel of layer '{layer}' is a whole number from 0 to {count - 1}, not {value!r}.")
    if not 0 <= number < count:
        raise NbvizError(f"Layer '{layer}' has {count} channels, 0 to {count - 1}: there is no channel {number}.")
    return number


def yes_or_no(name: str, value: object) -> bool:
    """Check an argument that is True or False, numpy's too. NbvizError, with its name, for any other."""
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise NbvizError(f"{name}= is True or False, not {value!r}.")


def seed_number(value: object) -> int:
    """Check a seed. NbvizError for what is no whole number from 0 on, below 2⁶³."""
    number = whole(value)
    if number is None or not 0 <= number < 2**63 - 1:
        raise NbvizError(f"seed= is a whole number from 0 on, below 2⁶³, not {value!r}.")
    return number
