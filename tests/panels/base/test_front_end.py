"""What holds for every script and stylesheet of the panels, read as text."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import anywidget
import pytest
import traitlets

import nbviz
import nbviz.panels.audit.desk
from nbviz.lessons import guess
from nbviz.panels import assembly, audit
from nbviz.panels.base.front import Front, Scripted


def _below(kind: type) -> list[type]:
    return [below for child in kind.__subclasses__() for below in (child, *_below(child))]


FOLDER = Path(nbviz.__path__[0])
PANELS = FOLDER / "panels"
SCRIPTS = sorted(FOLDER.rglob("*.js"))
OWN = [path for path in SCRIPTS if path.name != "common.js"]
STYLES = sorted(FOLDER.rglob("*.css"))
assert assembly.stages() and guess  # every widget is imported
assert len(SCRIPTS) > 15 and len(STYLES) > 15  # a folder that moved would leave nothing to look at


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_names_are_never_markup(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)


def test_every_widget_s_script_declares_every_name_once() -> None:
    """Scripts are put together from several files, and a name declared twice is no module at all."""
    assert assembly.stages() and audit.desk  # all panels are imported; an audit's are no part of an Explorer
    kinds = [kind for kind in _below(anywidget.AnyWidget) if kind.__module__.startswith("nbviz.")]
    # a widget that was made has a class of its own below ours, which holds the script as a trait
    texts = {kind: vars(kind)["_esm"] for kind in kinds if "_esm" in vars(kind) and "_anywidget_id" not in vars(kind)}
    for kind, text in texts.items():
        names = re.findall(r"^(?:async )?(?:function\*?|const|let|class) ([\w$]+)", text, re.M)
        assert "lifetime" in names, kind
        assert not {name for name in names if names.count(name) > 1}, kind
    left = [path.name for path in SCRIPTS if not any(path.read_text("utf-8") in text for text in texts.values())]
    assert left == []


TYPES = {
    traitlets.Unicode: "string",
    traitlets.Int: "number",
    traitlets.Float: "number",
    traitlets.Bool: "boolean",
    traitlets.Bytes: "DataView",
}
WIDGETS = [kind for kind in _below(Scripted) if kind.__module__.startswith("nbviz.") and kind is not Front]


@pytest.mark.parametrize("kind", WIDGETS, ids=lambda kind: kind.__name__)
def test_a_script_s_types_name_the_traits_that_its_class_syncs(kind: type[Scripted]) -> None:
    """The checker believes what stands above ``render``: a trait that was renamed in Python alone would pass it."""
    told = _told_types(kind)
    traits = kind.class_traits(sync=True)
    above = Front if issubclass(kind, Front) else anywidget.AnyWidget
    assert set(told) == set(traits) - set(above.class_traits(sync=True))
    for name, words in told.items():
        trait = traits[name]
        plain = TYPES.get(type(trait))
        if isinstance(trait, traitlets.Enum):
            plain = " | ".join(f'"{value}"' for value in trait.values)
        if plain is not None:
            assert words == (f"{plain} | null" if trait.allow_none else plain), name
        elif isinstance(trait, traitlets.List):
            assert words.endswith("[]") or re.fullmatch(r"\[.+\]|Runs", words), name


def test_the_traits_of_every_panel_are_typed_once() -> None:
    text = (PANELS / "base" / "types.d.ts").read_text(encoding="utf-8")
    body = re.search(r"^interface Front \{\n(.*?)^\}", text, re.M | re.S)
    assert body is not None
    told = dict(re.findall(r"^  (\w+): (.+);$", body[1], re.M))
    traits = Front.class_traits(sync=True)
    assert set(told) == set(traits) - set(anywidget.AnyWidget.class_traits(sync=True))
    assert told["state"] == " | ".join(f'"{value}"' for value in traits["state"].values)


def _told_types(kind: type[Scripted]) -> dict[str, str]:
    """Trait → type, of the typedef above the script's ``render``."""
    path = Path(inspect.getfile(kind)).with_suffix(".js")
    text = path.read_text(encoding="utf-8")
    found = re.search(r"@typedef \{(?:Front & )?\{\n(.*?)^ \* \}\} " + kind.__name__ + r"Traits\n", text, re.S | re.M)
    assert found is not None, f"{path.name} has no type for the traits of {kind.__name__}"
    assert f"@param {{View<{kind.__name__}Traits>}} view" in text
    return dict(re.findall(r"^ \*   (\w+): (.+),$", found[1], re.M))


@pytest.mark.parametrize("script", OWN, ids=lambda path: path.name)
def test_what_can_have_the_focus_is_made_by_the_helpers_that_guard_it(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"""el\("button""", text)
    for made in re.findall(r"""(\w*\(?)el\("(?:input|select|summary|textarea)""", text):
        assert made == "focusable(" or "focusable(" in text


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_every_rule_stays_inside_the_frame(style: Path) -> None:
    rules = re.findall(r"([^{}]+)\{", _rules(style))
    assert rules
    for selectors in rules:
        head = selectors.strip()
        if head.startswith("@") or head in ("to", "from") or head.endswith("%"):
            continue
        for selector in re.split(r",(?![^(]*\))", head):
            assert ".nbviz" in selector, f"{style.name}: {selector.strip()}"


def test_colours_are_said_in_one_place() -> None:
    for style in STYLES:
        literal = re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl)a?\(", _rules(style))
        assert bool(literal) == (style.name == "tokens.css"), f"{style.name}: {literal}"


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_selectors_are_short_and_stand_once(style: Path) -> None:
    """At most three deep below the frame, and one place for what a selector says under one condition."""
    places: list[tuple[str, str]] = []
    above, inside = "", False
    for head, end in re.findall(r"([^{};]*)([{};])", _rules(style)):
        words = " ".join(head.split())
        if end == "{" and words.startswith("@"):
            above = words
        elif end == "{":
            if not above.startswith("@keyframes"):
                places.append((above, words))
            inside = True
        elif end == "}":
            above, inside = (above, False) if inside else ("", False)
    assert places
    assert sorted({place for place in places if places.count(place) > 1}) == []
    for _, words in places:
        for selector in re.split(r",(?![^(]*\))", words):
            deep = re.split(r"\s*[>+~]\s*|\s+", re.sub(r"\([^)]*\)|\[[^]]*\]", "", selector.strip()))
            assert len(deep) <= 4, f"{style.name}: {selector}"


def _rules(style: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", style.read_text(encoding="utf-8"), flags=re.S)
