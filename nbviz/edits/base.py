"""Registry of kinds of edits, which the strip *What if* and the tests read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from types import MappingProxyType
from typing import TypeVar

from nbviz.errors import NbvizError
from nbviz.model.edit import Edit

E = TypeVar("E", bound=type[Edit])


@dataclass(frozen=True)
class EditKind:
    """A registered kind of edit."""

    name: str
    title: str
    """On its button."""
    make: type[Edit]
    sentence: str
    """The first line of its docstring."""


_kinds: dict[str, EditKind] = {}
EDITS = MappingProxyType(_kinds)
"""Name of the class → kind of edit, in the order in which they were registered."""


def sentence_of(act: Callable[..., object], what: str) -> str:
    """Return the first line of a docstring, which people read. what: how to call it. Raises NbvizError for none."""
    lines = (act.__doc__ or "").strip().splitlines()
    if not lines:
        raise NbvizError(f"{what} needs a docstring: people read its first line.")
    return lines[0]


def edit(title: str) -> Callable[[E], E]:
    """Register a frozen dataclass as a kind of edit; its fields are its controls. title: what its button says."""

    def enter(made: E) -> E:
        sentence = (made.__doc__ or "").strip()
        # checked as it is registered: an edit that can't be hashed would fail at the first click
        if not is_dataclass(made) or made.__dataclass_params__.frozen is not True:
            raise NbvizError(f"An edit is a frozen dataclass, so that it can be hashed: {made.__name__} is none.")
        if not sentence or sentence.startswith(f"{made.__name__}("):  # what dataclass writes where nothing is written
            raise NbvizError(f"Edit '{made.__name__}' needs a docstring: its first line is what a person reads.")
        _kinds[made.__name__] = EditKind(made.__name__, title, made, sentence.splitlines()[0])
        return made

    return enter
