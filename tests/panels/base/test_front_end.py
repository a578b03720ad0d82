"""What holds for every script and stylesheet of the panels, read as text."""

from __future__ import annotations

import re
from pathlib import Path

import anywidget
import pytest

import nbviz.panels
from nbviz.panels import assembly

FOLDER = Path(nbviz.panels.__path__[0])
SCRIPTS = sorted(FOLDER.rglob("*.js"))
OWN = [path for path in SCRIPTS if path.name != "common.js"]
STYLES = sorted(FOLDER.rglob("*.css"))
assert len(SCRIPTS) > 15 and len(STYLES) > 15  # a folder that moved would leave nothing to look at


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_names_are_never_markup(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)


def test_every_widget_s_script_declares_every_name_once() -> None:
    """Scripts are put together from several files, and a name declared twice is no module at all."""
    assert assembly.stages()  # all panels are imported
    kinds = [kind for kind in _below(anywidget.AnyWidget) if kind.__module__.startswith("nbviz.")]
    # a widget that was made has a class of its own, with a trait in the place of the text
    held = {kind: vars(kind)["_esm"] for kind in kinds if "_esm" in vars(kind)}
    texts = {kind: str(getattr(script, "default_value", script)) for kind, script in held.items()}
    for kind, text in texts.items():
        names = re.findall(r"^(?:async )?(?:function\*?|const|let|class) ([\w$]+)", text, re.M)
        assert "lifetime" in names, kind
        assert not {name for name in names if names.count(name) > 1}, kind
    left = [path.name for path in SCRIPTS if not any(path.read_text("utf-8") in text for text in texts.values())]
    assert left == []


def _below(kind: type) -> list[type]:
    return [below for child in kind.__subclasses__() for below in (child, *_below(child))]


@pytest.mark.parametrize("script", OWN, ids=lambda path: path.name)
def test_what_can_have_the_focus_is_made_by_the_helpers_that_guard_it(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"""el\("button""", text)
    for made in re.findall(r"""(\w*\(?)el\("(?:input|select|summary|textarea)""", text):
        assert made == "focusable(" or "focusable(" in text


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_every_rule_stays_inside_the_frame(style: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", style.read_text(encoding="utf-8"), flags=re.S)
    for selectors in re.findall(r"([^{}]+)\{", text):
        head = selectors.strip()
        if head.startswith("@") or head in ("to", "from") or head.endswith("%"):
            continue
        for selector in re.split(r",(?![^(]*\))", head):
            assert ".nbviz" in selector, f"{style.name}: {selector.strip()}"
