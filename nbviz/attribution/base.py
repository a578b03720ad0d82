"""Registry of attribution methods, which feeds the dropdown, its controls, the reference and the laws.

A method is a generator in a file of its own, registered with :func:`register`. It takes a ``Subject`` and its
options as keywords, and yields ``Attribution``s that get better; the last one is final. Nothing else has to be
changed to add one, from a notebook cell too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch

from nbviz.attribution.attribution import Attribution as Attribution
from nbviz.attribution.options import About as About
from nbviz.attribution.options import Option, options_of
from nbviz.errors import NbvizError
from nbviz.passes.subject import Subject

Generator = Callable[..., Iterator[Attribution]]


@dataclass(frozen=True)
class Method:
    """Registered attribution method."""

    name: str
    title: str
    run: Generator
    options: tuple[Option, ...]
    uses_layer: bool
    source: str
    sentence: str
    """One sentence on what it shows."""
    family: str = "your own"
    """The group it stands under in the dropdown."""
    unit: str = ""
    """Unit of its heat, the same words as other methods' where values may be compared; else empty."""
    uses_target: bool = True
    """True if its map depends on what is explained; else it is the same for every class."""
    limited: bool | Literal["places"] = False
    """True if some networks can't have it: it is tried once, and greyed where it is refused. ``"places"`` where all
    that it needs is a layer with places."""


SCORE, GRADIENT = "score per place", "gradient of the score"
"""Units that several methods share: what a place adds to the score, and what a change of the input there would."""
FAMILIES = ("gradients", "class activation", "hiding parts", "attention")
_methods: dict[str, Method] = {}
METHODS = MappingProxyType(_methods)
"""Name → method, in the order of the dropdown."""


def register(
    title: str,
    source: str,
    *,
    uses_layer: bool = False,
    family: str = "your own",
    unit: str = "",
    uses_target: bool = True,
    limited: bool = False,
) -> Callable[[Generator], Generator]:
    """Register a generator ``method(subject, **options)`` under its own name.

    title: what the dropdown shows. source: where the method comes from (paper, year). uses_layer: whether its
    answer depends on the chosen layer. family: the group in the dropdown. unit: what its heat is measured in, if
    other methods' heats are measured in the same. uses_target: whether its map depends on the class. limited:
    whether some networks can't have it. Options are its keywords: each has a default and, for its control, an
    annotation (``float``, ``int``, ``bool``, ``Literal[…]``, ``Annotated[…, About(…)]``).
    """

    def enter(run: Generator) -> Generator:
        sentence = inspect.getdoc(run) or ""
        if not sentence:
            raise NbvizError(f"Method '{run.__name__}' needs a docstring: its first line is what a person reads.")
        needs: bool | Literal["places"] = limited or (uses_layer and "places")
        about = (uses_layer, source, sentence.splitlines()[0], family, unit, uses_target, needs)
        _methods[run.__name__] = Method(run.__name__, title, run, options_of(run), *about)
        _sort()
        return run

    return enter


def _sort() -> None:
    """Keep the dropdown's order: by family, and in a family as registered."""
    rank = {family: place for place, family in enumerate(FAMILIES)}
    ordered = sorted(_methods.values(), key=lambda method: rank.get(method.family, len(rank)))
    _methods.clear()
    _methods.update({method.name: method for method in ordered})


def result(
    subject: Subject,
    values: torch.Tensor,
    evidence: torch.Tensor,
    *,
    done: float = 1.0,
    progress: str = "",
    signed: bool = False,
    **facts: object,
) -> Attribution:
    """Return an Attribution of a subject; ``facts`` are what the method adds to those every one has."""
    height, width = subject.x.shape[-2:]
    return Attribution(values.detach().cpu(), evidence.detach().cpu(), (height, width), facts, done, progress, signed)
