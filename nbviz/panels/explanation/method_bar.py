"""Method bar: the heading of the explanation, the method, and its options as controls made from its signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import traitlets

from nbviz.attribution import METHODS, Method
from nbviz.attribution.options import Option
from nbviz.attribution.words import ANY_CLASS, Run, heading
from nbviz.errors import unknown
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.session.selection import Selection


class MethodFront(Front):
    """Widget of heading, method and options.

    Sends ``method``, ``option`` (name, value), ``reset``, ``back``, ``last``, ``pin`` and ``save`` (kind); hears
    ``saved``.
    """

    scripts = ("base/menu",)

    title = traitlets.Unicode("Explanation").tag(sync=True)
    note: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs of text after the title."""
    methods: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[name, title, sentence] of each."""
    method = traitlets.Unicode().tag(sync=True)
    refused: traitlets.Dict[str, str] = traitlets.Dict().tag(sync=True)
    """Method that this network can't have → why."""
    options: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    """Plain data of each option, see :func:`controls`."""
    channel = traitlets.Bool(False).tag(sync=True)
    """True if a channel's map is on the canvas, with a way back."""
    early = traitlets.Unicode().tag(sync=True)
    """Layer at which the map lies, where the evidence is not yet gathered there; sends ``last``."""
    files: traitlets.List[list[Any]] = traitlets.List().tag(sync=True)
    """[kind, words, sentence, whether it can be had] of what the map can be saved as."""
    pin = traitlets.Enum(["off", "pin", "pinned", "full"], "off").tag(sync=True)
    """State of pinning: the map can be pinned, is pinned, or has no room; "off" while there is no map."""


def controls(options: Iterable[Option], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a method's options for the front end; ``values`` are those that differ from the defaults."""
    return [
        {
            "name": option.name,
            "title": option.label,
            "kind": option.kind,
            "value": _plain(values.get(option.name, option.default)),
            "changed": option.name in values,
            "choices": list(option.choices),
            "low": option.low,
            "high": option.high,
            "sentence": option.sentence,
        }
        for option in options
    ]


def _plain(value: object) -> str | float:
    # a baseline or a mask given in code has no control: the front end says that there is one
    return value if isinstance(value, (str, int, float, bool)) else "" if value is None else "given"


def converted(option: Option, value: object) -> Any:  # noqa: ANN401 - of the option's own type
    """Return a control's value as the method takes it. NbvizError where it is none, in the call's own words."""
    if option.kind == "text":
        return str(value) if value != "" else option.default
    return option.checked(value)


def with_option(method: Method, options: Mapping[str, Any], name: str, value: object) -> dict[str, Any]:
    """Return the options with one set as its control says; a default is left out. NbvizError for what can't be."""
    option = next((one for one in method.options if one.name == name), None)
    if option is None:
        raise unknown("Option", name, [one.name for one in method.options], method.title)
    value = converted(option, value)
    # a value that is the default's is left out: the request is then the one that was answered without it
    others = {other: kept for other, kept in options.items() if other != name}
    return others if value == option.default else {**others, name: value}


def question_words(selection: Selection, model: InstrumentedModel) -> tuple[str, list[Run]]:
    """Return title and heading of what is asked for, while it isn't there yet."""
    if selection.canvas == "channel":
        number = "" if selection.channel is None else f" {selection.channel}"
        return f"Channel{number}", [f"of {selection.layer}"]
    if not METHODS[selection.method].uses_target:
        return "Explanation", ANY_CLASS
    target = Target.ensure(selection.target, model)
    return "Explanation", heading("what it predicts" if target.predicted else target.words(model))
