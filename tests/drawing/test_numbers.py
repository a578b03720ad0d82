"""Numbers as text: one format each, in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nbviz.panels
from nbviz.drawing import numbers
from nbviz.drawing.numbers import duration, figure, ordinal, percent, score_change, score_words, signed, three_digits


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (figure(8.314), "8.31"), (figure(-0.0512), "−0.051"), (figure(1234.5), "1,234"), (figure(-1.2e-5), "−1.2e-05"),
        (figure(None), ""), (figure(float("nan")), "not a number"), (score_words(float("inf")), "not a number"),
        (score_words(-0.5), "−0.50"), (three_digits(4.3), "4.30"), (three_digits(240), "240"),
        (three_digits(-0.1472, plus=True), "−0.147"), (three_digits(0.5, plus=True), "+0.500"),
        (signed(-3.456), "−3.46"), (signed(3.456, plus=True), "+3.46"), (signed(3.456, digits=0), "3"),
        (score_change(0.414), "+0.41"), (score_change(-0.00214), "−0.0021"), (score_change(3e-7), "+3e-07"),
        (score_change(0.0), "+0.00"), (score_change(-0.0049), "−0.0049"), (score_change(0.005), "+0.01"),
        (percent(0), "0 %"), (percent(0.041), "4.1 %"), (percent(0.0994), "9.9 %"), (percent(0.0999), "10 %"),
        (percent(-0.25), "−25 %"), (percent(0.9234, 1), "92.3 %"), (percent(11), "over 1,000 %"),
        (ordinal(1), "1st"), (ordinal(112), "112th"), (ordinal(23), "23rd"), (duration(0.0721), "72 ms"),
        (duration(1.9), "1.9 s"),
    ],
)  # fmt: skip
def test_a_number_reads(text: str, right: str) -> None:
    assert text == right


def test_no_panel_has_a_format_of_its_own() -> None:
    """A second `percent` would round in another way than the first, side by side on one screen."""
    formats = {name for name in vars(numbers) if callable(getattr(numbers, name)) and name != "Any"}
    assert {"figure", "percent", "signed", "ordinal"} <= formats
    for path in Path(nbviz.panels.__path__[0]).rglob("*.py"):
        defined = {n.name.strip("_") for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)}
        assert not formats & defined, path
