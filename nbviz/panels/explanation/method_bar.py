"""Method bar: the heading of the explanation, the method, and its options as controls made from its signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from nbviz.panels.base.front import Front


class MethodFront(Front):
    """Widget of the method bar; sends ``method``, ``option`` (name, value), ``reset``, ``back`` and ``pin``."""

    title = traitlets.Unicode("Explanation").tag(sync=True)
    note: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs of text after the title."""
    methods: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[name, title, sentence] of each."""
    method = traitlets.Unicode().tag(sync=True)
    options: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    """Plain data of each option, see :func:`controls`."""
    channel = traitlets.Bool(False).tag(sync=True)
    """True if a channel's map is on the canvas, with a way back."""
    pin = traitlets.Enum(["off", "pin", "pinned", "full"], "off").tag(sync=True)
    """State of pinning: the map can be pinned, is pinned, or has no room; "off" while there is no map."""


def controls(options: Any, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a method's options for the front end; ``values`` are those that differ from the defaults."""
    return [
        {
            "name": option.name,
            "title": option.name.replace("_", " "),
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


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) else "" if value is None else "given"


def converted(option: Any, value: Any) -> Any:
    """Return a control's value as the method takes it. NbvizError where it is none, in the call's own words."""
    if option.kind == "text":
        return str(value) if value != "" else option.default
    return option.checked(value)
