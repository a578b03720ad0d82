"""Base of our own widgets: script and style from the files beside the class, loaded as strings.

``layer_tree.py`` has ``layer_tree.js`` and, if it needs one, ``layer_tree.css`` beside it; ``scripts`` names further
scripts of that folder. Helpers (``HELPERS``) go in front of every script. Strings, not paths: a path would pin
instances.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

import anywidget
import traitlets

HELPERS = ("common", "view")
"""Scripts of this folder in front of every widget's: nodes of the page, and what a view holds open."""


@cache
def asset(package: str, name: str) -> str | None:
    """Return the text of a file of a package; None where there is none of that name."""
    path = files(package) / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


def esm(package: str, *stems: str) -> str:
    """Return the script of a widget: the helpers, then its own files."""
    scripts = [(__package__, stem) for stem in HELPERS] + [_home(package, stem) for stem in stems]
    texts = (asset(room, f"{stem}.js") for room, stem in scripts)
    return "\n".join(text for text in texts if text is not None)


def _home(package: str, stem: str) -> tuple[str, str]:
    """Package and name of a file given as ``name``, or as ``base/name`` for one of this folder."""
    shared = stem.removeprefix("base/")
    return (package, stem) if shared == stem else (__package__, shared)


class Scripted(anywidget.AnyWidget):
    """Widget whose script and style are the files named like its module.

    A widget of a notebook's cell has no such files and says its own ``_esm`` and ``_css``.
    """

    scripts: ClassVar[tuple[str, ...]] = ()
    """Files whose script or style goes before its own, without ``.js`` or ``.css``: of the same folder, or of this one,
    ``"base/menu"``.
    """

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - as anywidget has it
        package, _, stem = cls.__module__.rpartition(".")
        # vars, not getattr: a subclass in a module of its own has a script of its own
        if package and "_esm" not in vars(cls) and asset(package, f"{stem}.js") is not None:
            cls._esm = esm(package, *cls.scripts, stem)
            homes = [_home(package, name) for name in (*cls.scripts, stem)]
            styles = (asset(room, f"{name}.css") for room, name in homes)
            cls._css = "\n".join(style for style in styles if style is not None)
        super().__init_subclass__(**options)


class Front(Scripted):
    """Base of our widgets; ``state`` and ``message`` are drawn by every one of them in the same way."""

    state = traitlets.Enum(["ready", "computing", "partial", "nothing", "refused", "failed"], "ready").tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    """The sentence of the state (text, never markup)."""
    details = traitlets.Unicode().tag(sync=True)
    """Traceback folded under a failure."""
