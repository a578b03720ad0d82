"""A method's options, read from its signature, and what may be given for them."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from nbviz.errors import NbvizError, nearest


@dataclass(frozen=True)
class About:
    """What a person needs to know of an option; put in the annotation: ``Annotated[float, About("…", 0, 1)]``."""

    sentence: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Option:
    """A keyword of a method, as a control shows it."""

    name: str
    default: Any
    kind: str
    """"float", "int", "bool", "choice" or "text"."""
    sentence: str = ""
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def options_of(run: Callable[..., Any]) -> tuple[Option, ...]:
    """A method's options, from its signature."""
    hints = get_type_hints(run, include_extras=True)
    keywords = [p for p in inspect.signature(run).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return tuple(_option(p.name, p.default, hints.get(p.name, str)) for p in keywords)


def _option(name: str, default: Any, hint: Any) -> Option:
    about = About("")
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        about = next((note for note in notes if isinstance(note, About)), about)
    hint = next((part for part in get_args(hint) if get_origin(part) is Literal), hint)
    if get_origin(hint) is Literal:
        return Option(name, default, "choice", about.sentence, tuple(get_args(hint)))
    plain = [part for part in (get_args(hint) or (hint,)) if part in (bool, int, float)]
    kind = plain[0].__name__ if plain else "text"
    return Option(name, default, kind, about.sentence, (), about.low, about.high)


def check_options(title: str, known_options: tuple[Option, ...], options: dict[str, Any]) -> None:
    """Raises for an option that a method doesn't have, or that is of another type or none of its choices."""
    known = [option.name for option in known_options]
    for name in options:
        if name not in known:
            close = nearest(name, known)
            hint = f"; did you mean '{close}'?" if close else f"; it has {', '.join(known) or 'none'}."
            raise TypeError(f"{title} has no option '{name}'{hint}")
    for option in known_options:
        if option.name in options:
            _check_value(option, options[option.name])


def _check_value(option: Option, value: Any) -> None:
    if option.kind == "choice" and isinstance(value, str) and value not in option.choices:
        raise NbvizError(f"{option.name} is one of {', '.join(map(repr, option.choices))}, not {value!r}.")
    if option.kind in ("int", "float"):
        if isinstance(value, (str, bool)) or not isinstance(value, numbers.Real):
            raise NbvizError(f"{option.name} is a number, not {value!r}.")
        if option.kind == "int" and value != round(float(value)):
            raise NbvizError(f"{option.name} is a whole number, not {value!r}.")
