"""What an attribution method is, and the registry that feeds the dropdown, its controls, the docs and the laws.

A method is a generator in a file of its own, registered with :func:`register`. It takes a ``Subject`` and its
options as keywords, and yields ``Attribution``s that get better; the last one is final. Nothing else has to be
changed to add one, from a notebook cell too.
"""

from __future__ import annotations

import inspect
import numbers
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import torch
from torch.nn import functional

from nbviz.tensors.default_layer import default_layer
from nbviz.tensors.errors import NbvizError, nearest, unknown
from nbviz.tensors.instrumented import InstrumentedModel, as_picture
from nbviz.tensors.subject import Subject
from nbviz.tensors.target import Target

NO_EVIDENCE = "no positive evidence"


@dataclass(frozen=True, eq=False)
class Attribution:
    """The result of a method: raw values, a heat map to draw, and the facts that say how far to trust it."""

    values: torch.Tensor
    """Signed, raw, as the method defines it; on the CPU."""
    evidence: torch.Tensor
    """(h, w): what is drawn, at its own resolution; not normalised."""
    size: tuple[int, int]
    """(H, W) of the network's input."""
    facts: dict[str, Any] = field(default_factory=dict)
    done: float = 1.0
    """0…1; 1 is final."""
    progress: str = ""
    """How far it is, in words, e.g. "25 evaluations, of at most 200"."""
    signed: bool = False
    """Whether ``heat`` has a sign, to be drawn around zero; else it is ≥ 0."""

    @property
    def interpolated(self) -> bool:
        """Whether the heat is drawn smoothly from a coarser grid of places."""
        return tuple(self.evidence.shape) != self.size

    def heat(self, size: tuple[int, int] | None = None) -> torch.Tensor:
        """The heat map (H, W), not normalised; ``size`` defaults to the network's input.

        A coarser grid is interpolated bilinearly (``align_corners=False``). Pixels are never smoothed: they are
        averaged to a smaller size and repeated to a larger one.
        """
        size = self.size if size is None else (size[0], size[1])
        evidence = self.evidence[None, None]
        if size == tuple(self.evidence.shape):
            return self.evidence
        if self.interpolated:
            return functional.interpolate(evidence, size=size, mode="bilinear", align_corners=False)[0, 0]
        smaller = size[0] < evidence.shape[2] and size[1] < evidence.shape[3]
        return functional.interpolate(evidence, size=size, mode="area" if smaller else "nearest-exact")[0, 0]

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        return sum(t.numel() * t.element_size() for t in (self.values, self.evidence))


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


Generator = Callable[..., Iterator[Attribution]]


@dataclass(frozen=True)
class Method:
    """A registered attribution method."""

    name: str
    title: str
    run: Generator
    options: tuple[Option, ...]
    uses_layer: bool
    source: str
    sentence: str
    """What it shows, in a sentence."""
    family: str = "your own"
    """The group it stands under in the dropdown."""
    unit: str = ""
    """What its heat is measured in, the same words as other methods' where values may be compared; else empty."""


SCORE, GRADIENT = "score per place", "gradient of the score"
"""Units that several methods share: what a place adds to the score, and what a change of the input there would."""
FAMILIES = ("gradients", "class activation", "hiding parts", "attention")
_methods: dict[str, Method] = {}
METHODS = MappingProxyType(_methods)
"""Name → method, in the order of the dropdown."""


def register(
    title: str, source: str, *, uses_layer: bool = False, family: str = "your own", unit: str = ""
) -> Callable[[Generator], Generator]:
    """Register a generator ``method(subject, **options)`` under its own name.

    title: what the dropdown shows. source: where the method comes from (paper, year). uses_layer: whether its
    answer depends on the chosen layer. family: the group in the dropdown. unit: what its heat is measured in, if
    other methods' heats are measured in the same. Options are its keywords: each has a default and, for its
    control, an annotation (``float``, ``int``, ``bool``, ``Literal[…]``, ``Annotated[…, About(…)]``).
    """

    def enter(run: Generator) -> Generator:
        sentence = inspect.getdoc(run) or ""
        if not sentence:
            raise NbvizError(f"Method '{run.__name__}' needs a docstring: its first line is what a person reads.")
        about = (uses_layer, source, sentence.splitlines()[0], family, unit)
        _methods[run.__name__] = Method(run.__name__, title, run, _options(run), *about)
        _sort()
        return run

    return enter


def _sort() -> None:
    """Keep the dropdown's order: by family, and in a family as registered."""
    rank = {family: place for place, family in enumerate(FAMILIES)}
    ordered = sorted(_methods.values(), key=lambda method: rank.get(method.family, len(rank)))
    _methods.clear()
    _methods.update({method.name: method for method in ordered})


def explain(
    model: InstrumentedModel, image: Any, target: Any, method: str, layer: str | None = None, **options: Any
) -> Iterator[Attribution]:
    """Attributions that get better; the last is final. Arguments as in :func:`attribute`."""
    chosen = _method(method)
    _check_options(chosen, options)
    x = model.input(as_picture(image))
    model.trace(x)
    target = Target.ensure(target, model)
    if chosen.uses_layer:
        layer = default_layer(model, x, target).name if layer is None else _spatial(model, layer)
    elif layer is not None:
        model.layer(layer)
    started = time.perf_counter()

    def work(run: Any) -> Iterator[Attribution]:
        subject = Subject(model, run, x, target, layer if chosen.uses_layer else None)
        for attribution in chosen.run(subject, **options):
            yield _with_facts(attribution, subject, started, chosen.unit)

    yield from model.guest.steadily(work)


def attribute(
    net_or_model: Any,
    image: Any,
    target: Any = "predicted",
    method: str = "integrated_gradients",
    layer: str | None = None,
    **options: Any,
) -> Attribution:
    """Explain one score of a network for one picture.

    net_or_model: any ``nn.Module`` or an :class:`InstrumentedModel`; it is left untouched. image: a picture, or
    a preprocessed float tensor (1, C, H, W). target: class index or name, ``"predicted"``, a pair (contrast) or
    a callable. method: a key of ``nbviz.METHODS``. layer: for methods that use one; left out, the last whose
    places the score depends on. options: the method's own. Raises :class:`NbvizError` in words for anything that
    can't be done.
    """
    model = InstrumentedModel.ensure(net_or_model)
    found = None
    for found in explain(model, image, target, method, layer, **options):
        pass
    if found is None:
        raise NbvizError(f"Method '{method}' yielded no attribution.")
    return found


def result(
    subject: Subject,
    values: torch.Tensor,
    evidence: torch.Tensor,
    *,
    done: float = 1.0,
    progress: str = "",
    signed: bool = False,
    **facts: Any,
) -> Attribution:
    """An Attribution of a subject; ``facts`` are what the method adds to those every one has."""
    height, width = subject.x.shape[-2:]
    return Attribution(values.detach().cpu(), evidence.detach().cpu(), (height, width), facts, done, progress, signed)


def _with_facts(attribution: Attribution, subject: Subject, started: float, unit: str) -> Attribution:
    facts = {
        "score": subject.score,
        "target": subject.target_words,
        "layer": subject.layer,
        "calls": subject.calls,
        "dtype": str(subject.x.dtype).removeprefix("torch."),
        "seconds": time.perf_counter() - started,
        "status": _status(attribution),
        "unit": unit,
        **attribution.facts,
    }
    if subject.run.snapshot:
        facts["weights"] = "a snapshot: the network is being trained"
    if subject.model.guest.note:
        facts["note"] = subject.model.guest.note
    return replace(attribution, facts=facts)


def _status(attribution: Attribution) -> str:
    if not torch.isfinite(attribution.values).all():
        return "non-finite"
    if not attribution.evidence.any():
        return NO_EVIDENCE if attribution.values.any() else "no evidence"
    return "ok"


def _method(name: str) -> Method:
    if name not in _methods:
        raise unknown("Method", name, _methods, "nbviz")
    return _methods[name]


def _check_options(method: Method, options: dict[str, Any]) -> None:
    known = [option.name for option in method.options]
    for name in options:
        if name not in known:
            close = nearest(name, known)
            hint = f"; did you mean '{close}'?" if close else f"; it has {', '.join(known) or 'none'}."
            raise TypeError(f"{method.title} has no option '{name}'{hint}")
    for option in method.options:
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


def _spatial(model: InstrumentedModel, name: str) -> str:
    layer = model.layer(name)
    if layer.places is None:
        reason = layer.layout.reason if layer.layout is not None and layer.layout.reason else ""
        why = reason or f"its output {layer.shape} has no places" if layer.shape else "it is never called"
        raise NbvizError(f"No map can be drawn at layer '{name}': {why}.")
    return layer.name


def _options(run: Generator) -> tuple[Option, ...]:
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
