"""README's examples run as they stand, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbviz.attribution import base

README = Path(__file__).resolve().parents[1] / "README.md"


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
