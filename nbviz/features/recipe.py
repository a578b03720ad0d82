"""Recipes of made pictures: size, steps, warps and priors.

Early layers see little, so a few receptive fields are enough; late ones need larger pictures, more steps and
stronger warps. ``recipe_for`` chooses by how far a layer has coarsened the picture and how deep it lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from nbviz.arguments import at_least, whole
from nbviz.attribution.options import Option
from nbviz.errors import NbvizError, nearest
from nbviz.features.code_key import code_key
from nbviz.features.layer_defaults import counts_places, native_size
from nbviz.features.parametrisation import PARAMETRISATIONS, Parametrisation
from nbviz.features.regularisers import REGULARISERS
from nbviz.features.regularisers.base import Act, options, reserve
from nbviz.model.instrumented import InstrumentedModel

OPTIMISERS = ("normalised", "adam", "plain")
PRESETS = ("preview", "default", "high")
_WHOLE = {"size": 8, "steps": 1, "facets": 1}
_MEASURES = {"rate": 0.0, "decay": -math.inf, "diversity": 0.0}
_WARPS = {"jitter": 8.0, "rotate": 8.0, "scale": 1.1}
"""Options of regularisers that a recipe has unless it says otherwise."""


def _measure(name: str, value: float, least: float, most: float = math.inf) -> float:
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or not least <= number <= most:
        limit = f" of at least {least:g}" if math.isfinite(least) else ""
        limit += f" and at most {most:g}" if math.isfinite(most) else ""
        raise NbvizError(f"{name}= is a number{limit}, not {value!r}.")
    return number


def _seed(value: object) -> int:
    number = whole(value)
    if number is None:
        raise NbvizError(f"seed= is a whole number, not {value!r}.")
    return number


def _among(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise NbvizError(f"{name} is one of {', '.join(map(repr, known))}, not {value!r}.")


@dataclass(frozen=True, init=False)
class Recipe:
    """Choices that decide a made picture besides the network and the objective.

    ``Recipe(size=80, jitter=4, blur=1.0)``: the fields below, and the options of every regulariser that is registered
    (:data:`nbviz.features.REGULARISERS`), which can be read as attributes too. NbvizError for a value out of range,
    TypeError for a name that isn't there.
    """

    size: int = 112
    """Pixels a side."""
    steps: int = 30
    rate: float = 0.05
    """Length of the first step, in units of a coefficient; it falls to a tenth."""
    parametrisation: str | Parametrisation = "fourier"
    """"fourier", "pixel", "phase" (fixed spectrum), or an object such as :class:`Latent`."""
    decay: float = 1.0
    """Fourier and phase: amplitudes fall as 1/frequency to this power; 0 favours all alike."""
    decorrelate: bool = True
    """True if steps are taken along the colour axes of photographs, not along red, green and blue."""
    optimiser: str = "normalised"
    """"normalised" steps of one length, "adam", or "plain" gradient steps."""
    facets: int = 1
    """Pictures a channel, kept unlike each other."""
    diversity: float = 8.0
    """How strongly facets are kept unlike."""
    seed: int = 0
    strengths: tuple[tuple[str, float], ...] = ()
    """Options of regularisers that are not off, by name."""

    def __init__(self, *, strengths: Iterable[tuple[str, float]] = tuple(_WARPS.items()), **values: object) -> None:
        for field in fields(Recipe):
            # frozen, so not by plain assignment
            object.__setattr__(self, field.name, values.pop(field.name, field.default))
        self._check()
        object.__setattr__(self, "strengths", _strengths({**dict(strengths), **values}))

    def _check(self) -> None:
        for name, low in _WHOLE.items():
            # plain numbers, for numpy's would count as another recipe where pictures are kept
            object.__setattr__(self, name, at_least(name, getattr(self, name), low))
        for name, least in _MEASURES.items():
            object.__setattr__(self, name, _measure(name, getattr(self, name), least))
        object.__setattr__(self, "seed", _seed(self.seed))
        _among("optimiser", self.optimiser, OPTIMISERS)
        if isinstance(self.parametrisation, str):
            _among("parametrisation", self.parametrisation, tuple(PARAMETRISATIONS))
        elif not all(hasattr(self.parametrisation, name) for name in ("start", "pictures", "pace")):
            raise NbvizError(
                f"parametrisation= is one of {', '.join(map(repr, PARAMETRISATIONS))} or an object with start, "
                f"pictures and pace, not {self.parametrisation!r:.80}. A callable latents → pictures is wrapped: "
                "nbviz.features.Latent(decode, shape)."
            )

    def __getattr__(self, name: str) -> float:
        """Return an option of a regulariser."""
        known = options()
        if name not in known:
            raise AttributeError(f"A Recipe has no '{name}'.")
        return dict(self.strengths).get(name, known[name].default)

    def acting(self, act: Act) -> list[tuple[Callable[..., Any], dict[str, Any]]]:
        """Return the regularisers that act in a way and are switched on, each with its options."""
        return [(one.run, on) for one in REGULARISERS.values() if one.act == act and (on := one.on(self.strengths))]

    @property
    def values(self) -> dict[str, Any]:
        """Return every field, and every option of a regulariser that is not off."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "strengths"}
        return own | dict(self.strengths)

    @property
    def key(self) -> Hashable | None:
        """Key, equal for recipes that make the same picture; None where something takes part that has no key.

        It holds only what differs from ``Recipe()``: a field or a regulariser that is new changes no older key.
        """
        if not isinstance(self.parametrisation, str):
            return None
        usual = Recipe().values
        names = {*self.values, *usual} - ({"diversity"} if self.facets == 1 else set())
        off = {name: option.default for name, option in options().items()}
        differing = [
            (name, getattr(self, name))
            for name in sorted(names)
            if getattr(self, name) != usual.get(name, off.get(name))
        ]
        try:
            codes = [code_key(one.run) for one in REGULARISERS.values() if one.on(self.strengths)]
        except ValueError:
            return None
        return (*differing, *filter(None, codes))


reserve({field.name for field in fields(Recipe)})


def _strengths(given: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Check the options of regularisers, by name; those that are off are left out."""
    known = options()
    for name in given:
        if name not in known:
            raise _no_option(name, [*(field.name for field in fields(Recipe)), *known])
    values = {name: _strength(known[name], value) for name, value in given.items()}
    return tuple((name, values[name]) for name in sorted(values) if values[name] != known[name].default)


def _strength(option: Option, value: float) -> float:
    least, most = -math.inf if option.low is None else option.low, math.inf if option.high is None else option.high
    return _measure(option.name, value, least, most)


def _no_option(name: str, known: Sequence[str]) -> TypeError:
    close = nearest(name, known)
    hint = f"did you mean '{close}'?" if close else f"there are {', '.join(known)}."
    return TypeError(f"'{name}' is not an option here; {hint}")


def recipe_for(model: InstrumentedModel, layer: str, preset: str = "default", **changes: object) -> Recipe:
    """Return the recipe for a layer, with the caller's changes.

    preset: "preview", "default" or "high". changes: fields of :class:`Recipe`; None leaves a field as the
    layer wants it. TypeError, with the nearest, for a field that isn't there.
    """
    _among("preset", preset, PRESETS)
    native = min(native_size(model))
    recipe = replace(_by_depth(model, layer), **_PRESETS[preset])
    if preset == "high":
        recipe = replace(recipe, size=max(160, recipe.size))
    if native <= _TINY:
        recipe = replace(recipe, steps=round(2.5 * recipe.steps), rate=min(0.2, 4 * recipe.rate))
    if counts_places(model.layer(layer)):
        # positions are learnt for this many places, so another size would only be resized back
        recipe = replace(recipe, size=native)
    # a shift of a large part of a small picture would move what is made out of it
    fitting = {"size": min(recipe.size, native), "jitter": min(recipe.jitter, native // 8)}
    return changed(changed(recipe, fitting), changes)


def changed(recipe: Recipe, changes: Mapping[str, Any], without: tuple[str, ...] = ()) -> Recipe:
    """Change some fields of a recipe, but none of those in ``without``; None leaves a field as it is."""
    own = [field.name for field in fields(Recipe) if field.name != "strengths"]
    known = [name for name in (*own, *options()) if name not in without]
    for name in changes:
        if name not in known:
            raise _no_option(name, known)
    return replace(recipe, **{name: value for name, value in changes.items() if value is not None})


_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "preview": {"steps": 16, "rate": 0.08},
    "default": {},
    "high": {"steps": 80, "rate": 0.03, "decay": 0.9},
}

# By the pixels that one place of the layer stands for.
_BY_STRIDE = (
    (2.9, Recipe(size=32, jitter=3)),
    (5.7, Recipe(size=48, jitter=4)),
    (11.3, Recipe(size=80, jitter=6)),
    (22.6, Recipe(size=112, jitter=8)),
    (float("inf"), Recipe(size=112, jitter=8, scale=1.15)),
)
_LAST = Recipe(size=128, steps=40, rate=0.04, jitter=16, scale=1.4, rotate=10)
_LATE = 0.95
# Pixels a side up to which pictures are of bare contrast, as digits are: there is far to go, and a step costs little.
_TINY = 64


def _by_depth(model: InstrumentedModel, name: str) -> Recipe:
    layer = model.layer(name)
    calls = [part.first_call for part in model.layers().walk() if part.first_call is not None]
    reached = max((part.first_call or 0 for part in layer.walk()), default=0)
    if layer.places is None or layer.places == (1, 1) or reached >= _LATE * max(calls):
        return _LAST
    stride = max(native_size(model)) / max(layer.places)
    return next(recipe for limit, recipe in _BY_STRIDE if stride < limit)
