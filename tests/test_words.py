"""One thing, one word: the glossary in nbviz's docstring, against the names and docstrings of the whole package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import nbviz

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"(?P<word>[a-z]+(?: [a-z]+)?)\s+(?P<meaning>.+?)(?:; not: (?P<twins>.+))?")


def entries() -> dict[str, list[str]]:
    """Return word → words that the package doesn't use in its place."""
    lines = (nbviz.__doc__ or "").split("doesn't call it):\n\n")[1].splitlines()
    found = [LINE.fullmatch(line) for line in lines if line]
    return {entry["word"]: (entry["twins"] or "").split(", ") if entry["twins"] else [] for entry in found if entry}


GLOSSARY = entries()


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of every docstring, and of every name that is defined."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


@cache
def vocabulary() -> str:
    """Return a line per name and docstring of the package but the glossary: place in the source, plain words."""
    lines = []
    for path in sorted((ROOT / "nbviz").rglob("*.py")):
        for line, text in texts(ast.parse(path.read_text(encoding="utf-8"))):
            if text != nbviz.__doc__:
                plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).replace("_", " ")
                lines.append(f"{path.relative_to(ROOT)}:{line}\t{' '.join(plain.lower().split())}")
    return "\n".join(lines)


def uses(word: str) -> list[str]:
    """Return the places in the source that have a word, in the singular or the plural."""
    text, stem = vocabulary(), f"(?:{word}|{word[:-1]}ie)" if word.endswith("y") else word
    starts = [match.start() for match in re.finditer(rf"\b{stem}(?:e?s)?\b", text)]
    return [text[text.rfind("\n", 0, start) + 1 : text.find("\t", text.rfind("\n", 0, start))] for start in starts]


def test_the_glossary_is_one_line_a_word_in_order() -> None:
    lines = (nbviz.__doc__ or "").split("doesn't call it):\n\n")[1].strip().splitlines()
    assert 40 <= len(lines) == len(GLOSSARY) and list(GLOSSARY) == sorted(GLOSSARY)


@pytest.mark.parametrize("word", GLOSSARY)
def test_a_word_of_the_glossary_is_used(word: str) -> None:
    assert len(uses(word)) >= 3


@pytest.mark.parametrize(("word", "twin"), [(word, twin) for word, twins in GLOSSARY.items() for twin in twins])
def test_a_thing_has_no_second_name(word: str, twin: str) -> None:
    assert uses(twin) == [], f"say '{word}'"


def test_a_second_name_is_seen_wherever_it_stands() -> None:
    source = 'class HeatMapView:\n    """Drawn by a shelf."""\n    def bbox_of(self, location): self.tweak = img = 1'
    assert {text for _, text in texts(ast.parse(source))} == {
        "HeatMapView", "Drawn by a shelf.", "bbox_of", "self", "location", "tweak", "img",
    }  # fmt: skip


def test_first_lines_of_docstrings_begin_with_a_verb_or_a_noun() -> None:
    bad = []
    for path in sorted((ROOT / "nbviz").rglob("*.py")):
        if "questions" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                first = (ast.get_docstring(node) or "").split("\n")[0]
                if re.match(r"What |Whether |In words|As above", first) or " in words" in first:
                    bad.append(f"{path.relative_to(ROOT)}: {first}")
    assert not bad
