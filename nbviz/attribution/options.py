"""Options of a method: read from its signature, where each one's limits are stated, and checked against them."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import torch

from nbviz.errors import NbvizError, nearest


@dataclass(frozen=True)
class About:
    """Sentence and limits of an option, given in its annotation: ``Annotated[float, About("…", 0, 1)]``."""

    sentence: str
    low: float | None = None
    """The least value; smaller ones are refused, by the call as by the control."""
    high: float | None = None
    """The largest value."""
    label: str = ""
    """Name on its control, in a reader's words; empty for the keyword itself."""


@dataclass(frozen=True)
class Option:
    """Keyword of a method, as a control shows it."""

    name: str
    default: Any
    kind: str
    """"float", "int", "bool", "choice" or "text"."""
    sentence: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    takes_tensors: bool = False
    """True if a tensor may be given instead."""
    label: str = ""
    """Name on its control."""

    def checked(self, value: object) -> object:
        """Return the value as the method takes it: numbers as Python's own.

        Raises NbvizError for another type, none of the choices, or a number outside the limits.
        """
        if value is self.default or (self.takes_tensors and isinstance(value, torch.Tensor)):
            return value
        if self.kind == "choice" and not (isinstance(value, str) and value in self.choices):
            raise NbvizError(f"{self.name} is one of {', '.join(map(repr, self.choices))}, not {value!r:.80}.")
        if self.kind == "bool":
            if not isinstance(value, (bool, np.bool_)):
                raise NbvizError(f"{self.name} is True or False, not {value!r:.80}.")
            return bool(value)
        return self._number(value) if self.kind in ("int", "float") else value

    def _number(self, value: object) -> int | float:
        # True is a Real to Python, and no number to a person
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
            raise NbvizError(f"{self.name} is a number, not {value!r:.80}.")
        number = float(value)
        if not math.isfinite(number):
            raise NbvizError(f"{self.name} is a finite number, not {value!r}.")
        if self.kind == "int" and number != round(number):
            raise NbvizError(f"{self.name} is a whole number, not {value!r}.")
        low, high = self.low, self.high
        if (low is not None and number < low) or (high is not None and number > high):
            raise NbvizError(f"{self.name} {self._limits()}, not {value!r}.")
        return int(number) if self.kind == "int" else number

    def _limits(self) -> str:
        low, high = ("" if limit is None else f"{limit:.10g}" for limit in (self.low, self.high))
        if low and high:
            return f"lies between {low} and {high}"
        return f"is at least {low}" if low else f"is at most {high}"


def options_of(run: Callable[..., Any]) -> tuple[Option, ...]:
    """Read a method's options from its signature."""
    hints = get_type_hints(run, include_extras=True)
    keywords = [p for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return tuple(_option(p.name, p.default, hints.get(p.name, str)) for p in keywords)


def _option(name: str, default: object, hint: object) -> Option:
    about = About("")
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        about = next((note for note in notes if isinstance(note, About)), about)
    tensors = torch.Tensor in get_args(hint)
    # Literal[…] | Tensor: the control offers the choices, code may pass the tensor
    hint = next((part for part in get_args(hint) if get_origin(part) is Literal), hint)
    label = about.label or name.replace("_", " ")
    if get_origin(hint) is Literal:
        choices = tuple(get_args(hint))
        return Option(name, default, "choice", about.sentence, choices, takes_tensors=tensors, label=label)
    plain = [part for part in (get_args(hint) or (hint,)) if part in (bool, int, float)]
    kind = plain[0].__name__ if plain else "text"
    return Option(name, default, kind, about.sentence, (), about.low, about.high, tensors, label)


def checked_options(title: str, known: tuple[Option, ...], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options as the method takes them.

    Raises TypeError for one that the method doesn't have, NbvizError for a value that is not within its limits.
    """
    by_name = {option.name: option for option in known}
    for name in options:
        if name not in by_name:
            close = nearest(name, by_name)
            hint = f"; did you mean '{close}'?" if close else f"; it has {', '.join(by_name) or 'none'}."
            raise TypeError(f"{title} has no option '{name}'{hint}")
    return {name: by_name[name].checked(value) for name, value in options.items()}
