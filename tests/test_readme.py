"""README's examples run as they stand, in order, and what it says of the house is so."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbviz.attribution import base

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


@pytest.fixture
def restored() -> Iterator[None]:
    """The registry as it was: the examples enter a method of their own."""
    before = dict(base._methods)
    yield
    base._methods.clear()
    base._methods.update(before)


def test_the_examples_run(restored: None) -> None:
    names: dict[str, Any] = {"__name__": "readme"}
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) >= 4
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"README block {number}", "exec", dont_inherit=True), names)
    assert "input_times_gradient" in base.METHODS


def test_files_and_folders_that_it_names_are_there() -> None:
    named = re.findall(r"`((?:nbviz|tests|notebooks|binder|\.ci)/[\w./-]+)`", README.read_text())
    assert len(named) > 40 and not [path for path in named if not (ROOT / path).exists()]


def test_its_floors_are_those_that_are_checked() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    layers = config["importlinter:contract:floors"]["layers"].strip().splitlines()
    picture = README.read_text().split("```text\n")[1].split("```")[0].splitlines()
    rooms = [re.split(r"\s{3,}", line)[0].split("  ") for line in picture]
    assert rooms == [[room.strip().removeprefix("nbviz.") for room in layer.split("|")] for layer in layers]


def test_its_registries_register_their_examples() -> None:
    table = README.read_text().split("| what | where |")[1].split("\n\n")[0]
    rows = [re.findall(r"`([^`]+)`", line.replace("`…_stage.py`", "")) for line in table.splitlines()[2:]]
    assert len(rows) >= 10
    for where, decorator, *registry, example in rows:
        file = example if registry else where
        assert f"def {decorator}(" in (ROOT / (registry[0] if registry else where)).read_text()
        assert re.search(rf"^@{decorator}\b.*", (ROOT / file).read_text(), re.M)
        assert registry or f"def {example}(" in (ROOT / file).read_text()
