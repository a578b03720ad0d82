"""The base of our own widgets: script and style from the files beside the class, loaded as strings.

``layer_tree.py`` has ``layer_tree.js`` and, if it needs one, ``layer_tree.css`` beside it. ``common.js`` (helpers) goes
in front of every script. Strings, not paths: a path would pin instances.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import anywidget
import traitlets


@cache
def asset(name: str) -> str:
    """Text of a file of this folder."""
    return (files("nbviz.panels") / name).read_text(encoding="utf-8")


def esm(*stems: str) -> str:
    """Script of a widget: the common helpers, then its own files."""
    return "\n".join(asset(f"{stem}.js") for stem in ("common", *stems))


class Front(anywidget.AnyWidget):
    """A widget of ours; ``state`` and ``message`` are drawn by every one of them in the same way."""

    state = traitlets.Enum(
        ["ready", "computing", "partial", "nothing", "refused", "failed"], "ready"
    ).tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    """The sentence of the state (text, never markup)."""
    details = traitlets.Unicode().tag(sync=True)
    """What is folded under a failure."""
