"""What holds for every script and stylesheet of the panels, read as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import nbviz.panels
from nbviz.panels import assembly
from nbviz.panels.front import Front

FOLDER = Path(nbviz.panels.__path__[0])
SCRIPTS = sorted(FOLDER.glob("*.js"))
OWN = [path for path in SCRIPTS if path.name != "common.js"]
STYLES = sorted(FOLDER.glob("*.css"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_names_are_never_markup(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)


def test_no_widget_s_script_declares_a_name_twice() -> None:
    """Scripts are put together from several files, and a name declared twice is no module at all."""
    assert assembly.STAGES  # all panels are imported
    kinds = list(Front.__subclasses__())
    assert len(kinds) > 10
    for kind in kinds:
        text = str(kind._esm) if isinstance(kind._esm, str) else str(getattr(kind._esm, "contents", kind._esm))
        names = re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.MULTILINE)
        assert "lifetime" in names, kind
        assert not {name for name in names if names.count(name) > 1}, kind


@pytest.mark.parametrize("script", OWN, ids=lambda path: path.name)
def test_what_can_have_the_focus_is_made_by_the_helpers_that_guard_it(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"""el\("button""", text)
    for made in re.findall(r"""(\w*\(?)el\("(?:input|select|summary|textarea)""", text):
        assert made == "focusable(" or "focusable(" in text


def test_no_script_names_again_what_the_helpers_in_front_of_it_name() -> None:
    # each is one module with the helpers, and some with each other: a second declaration is no script at all
    named = [
        (name, path.name)
        for path in SCRIPTS
        for name in re.findall(r"^(?:async )?(?:function\*?|const|let|class) ([\w$]+)", path.read_text("utf-8"), re.M)
    ]
    helpers = {name for name, script in named if script == "common.js"}
    assert [(name, script) for name, script in named if name in helpers and script != "common.js"] == []
    assert len(named) == len(set(named))


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_every_rule_stays_inside_the_frame(style: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", style.read_text(encoding="utf-8"), flags=re.S)
    for selectors in re.findall(r"([^{}]+)\{", text):
        head = selectors.strip()
        if head.startswith("@") or head in ("to", "from") or head.endswith("%"):
            continue
        for selector in re.split(r",(?![^(]*\))", head):
            assert ".nbviz" in selector, f"{style.name}: {selector.strip()}"
