"""Regularisers, which hold a made picture back from noise, and their registry.

A regulariser is a function of a file, or of a notebook cell, under :func:`regulariser`. It acts in one of three ways:

``"penalty"``: ``pictures (N, C, H, W) in 0…1 → scalar`` to be low. Its weight is a recipe's option of its own name,
relative to the objective's pull on the picture.
``"gradient"``: ``(gradient (N, C, H, W), *, option=…) → gradient`` by which the picture moves.
``"warp"``: ``(steps, (height, width), generator, *, option=…) → (steps, 2, 3)`` matrices as ``affine_grid`` takes them,
drawn ahead, by which the network sees the picture.

::

    @regulariser("gradient")
    def steady(gradient: Tensor, *, steady: Annotated[float, About("Share to take off", 0, 1)] = 0.0) -> Tensor:
        "Take the mean off the gradient, so that brightness stays."
        return gradient - steady * gradient.mean((1, 2, 3), keepdim=True)

Keywords are options of every :class:`~nbviz.features.Recipe`, checked by their ``About``, and their defaults switch
them off; a regulariser whose options are all off is never called, and leaves no trace in a picture's key.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from nbviz.attribution.options import About as About
from nbviz.attribution.options import Option, options_of
from nbviz.errors import NbvizError

Act = Literal["penalty", "gradient", "warp"]
_ACTS = ("penalty", "gradient", "warp")


@dataclass(frozen=True)
class Regulariser:
    """Registered regulariser."""

    name: str
    act: Act
    run: Callable[..., Any]
    options: tuple[Option, ...]
    """Each default switches the option off."""
    sentence: str
    """The first line of its docstring."""

    def on(self, strengths: Iterable[tuple[str, float]]) -> dict[str, float]:
        """Return its options among a recipe's strengths, or nothing where all are off."""
        values = dict(strengths)
        own = {option.name: values.get(option.name, option.default) for option in self.options}
        return own if any(own[option.name] != option.default for option in self.options) else {}


_regularisers: dict[str, Regulariser] = {}
REGULARISERS = MappingProxyType(_regularisers)
"""Name → regulariser."""
_reserved: set[str] = set()
Run = TypeVar("Run", bound=Callable[..., Any])


def regulariser(act: Act) -> Callable[[Run], Run]:
    """Register a function as a regulariser, under its own name. NbvizError where it can't be one."""
    if act not in _ACTS:
        raise NbvizError(f"A regulariser acts as one of {', '.join(map(repr, _ACTS))}, not {act!r}.")

    def enter(run: Run) -> Run:
        name, sentence = run.__name__, inspect.getdoc(run)
        if not sentence:
            raise NbvizError(f"Regulariser '{name}' needs a docstring: its first line is what a person reads.")
        sentence = sentence.splitlines()[0]
        # a penalty is one number, its weight
        own = (Option(name, 0.0, "float", sentence, (), 0.0),) if act == "penalty" else options_of(run)
        _check(name, own)
        _regularisers[name] = Regulariser(name, act, run, own, sentence)
        return run

    return enter


def _check(name: str, own: tuple[Option, ...]) -> None:
    # its own name may be entered anew, as by a notebook's cell that is run again
    others = {option.name for other in _regularisers.values() if other.name != name for option in other.options}
    if not own or any(option.kind not in ("float", "int") for option in own):
        raise NbvizError(
            f"Regulariser '{name}' needs keyword-only options that are numbers, each with the default that switches it "
            f"off: def {name}(gradient, *, {name}: float = 0.0)."
        )
    for option in own:
        if option.name in _reserved | others:
            raise NbvizError(
                f"Regulariser '{name}' has an option '{option.name}', which a recipe has already: rename it."
            )


def reserve(names: set[str]) -> None:
    """Keep names that recipes have themselves from being a regulariser's."""
    _reserved.update(names)


def options() -> dict[str, Option]:
    """Return every option of every regulariser, by its name."""
    return {option.name: option for one in _regularisers.values() for option in one.options}
