"""Errors that a user can act on.

Every message is a sentence that carries the user's own value and the way out, so a panel's error strip
can show ``str(error)`` as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class NbvizError(Exception):
    """Error that the user can put right; the message says how."""


class UnknownName(NbvizError, KeyError):
    """Error of a layer, class, method or file name that isn't there."""

    def __str__(self) -> str:
        # KeyError shows its argument's repr, which would put the sentence in quotes.
        return str(self.args[0]) if self.args else ""


class Refused(NbvizError):
    """Error of a method, or an edit, that can't be applied to this network and picture, and why.

    instead: names of methods that answer the same question here.
    """

    def __init__(self, message: str = "", *, instead: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.instead = instead


def unknown(kind: str, value: object, known: Iterable[str], where: str = "this model") -> UnknownName:
    """Return the error for a name that isn't among ``known``, with the nearest one that is.

    kind: what it names, in one word ("layer"). where: what was searched.
    """
    if not isinstance(value, str):
        given = f"{value!r:.80} ({type(value).__name__})"
        return UnknownName(f"A {kind.lower()} is given by its name, a string, not by {given}.")
    sentence = f"{kind[:1].upper()}{kind[1:]} '{value}' is not in {where}."
    close = nearest(value, known)
    return UnknownName(f"{sentence} Nearest: '{close}'." if close else sentence)


def nearest(value: str, known: Iterable[str]) -> str | None:
    """Return the name in ``known`` closest to ``value``, letter case aside; None where none is close."""
    by_lower: dict[str, str] = {}
    for name in known:
        by_lower.setdefault(str(name).lower(), str(name))
    found = get_close_matches(str(value).lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None
