"""A guess is answered by hand, looks the same with and without an Explorer, and is for everybody."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.page import Lab

AXE = Path(__file__).parents[2] / ".ci/node_modules/axe-core/axe.min.js"
SERIOUS = """async () => (await axe.run({include: [['.nbviz-guess'], ['.jp-OutputArea-output figure']]}, {
  resultTypes: ['violations']})).violations
  .filter(found => ['serious', 'critical'].includes(found.impact))
  .map(found => [found.id, found.help, found.nodes.slice(0, 4).map(node => node.html.slice(0, 160))])"""
HEIGHTS = """() => [...document.querySelectorAll('.nbviz-guess :is(button, .nbviz-input)')]
  .map(control => [getComputedStyle(control).height, getComputedStyle(control).borderTopWidth])"""
CELLS = [
    "from PIL import Image\nfrom nbviz.lessons import guess, show\nfrom nbviz.lessons.guess import GuessFirst",
    "show({'one': [[0.0, 1.0]], 'two': [[-1.0, 1.0]]}, 'Two maps of two places each.')",
    "letter = guess('letter', 'Which letter?', options=['A', 'B'])\nletter",
    "number = guess('number', 'How many?', number=(0, 10), unit='layers')\nnumber",
    "box = guess('box', 'Where?', picture=Image.new('RGB', (200, 100), 'teal'))\nbox",
]


@pytest.fixture
def lab(windows: Callable[..., Lab]) -> Iterator[Lab]:
    """A notebook with a guess of each kind."""
    yield windows(CELLS, width=1000)


def test_each_kind_is_answered_by_mouse_and_keyboard(lab: Lab) -> None:
    page: Any = lab.page
    assert lab.ask("[one.answer for one in (letter, number, box)]") == [None, None, None]
    page.locator(".nbviz-guess-option", has_text="B").click()
    lab.until("letter.answer == 'B'")
    page.keyboard.press("ArrowUp")
    lab.until("letter.answer == 'A'")
    page.locator(".nbviz-guess-number").fill("11")
    page.keyboard.press("Enter")
    page.locator(".nbviz-guess-number").fill("4")
    page.keyboard.press("Enter")
    lab.until("number.answer == 4")
    stage = page.locator(".nbviz-guess-stage")
    stage.scroll_into_view_if_needed()
    place = stage.bounding_box()
    page.mouse.move(place["x"] + 20, place["y"] + 10)
    page.mouse.down()
    page.mouse.move(place["x"] + 120, place["y"] + 60, steps=4)
    page.mouse.up()
    lab.until("box.answer is not None")
    top, left, bottom, right = lab.ask("box.answer")
    assert abs(top - 10) <= 2 and abs(left - 20) <= 2 and abs(bottom - 60) <= 2 and abs(right - 120) <= 2
    page.keyboard.press("ArrowDown")
    lab.until(f"box.answer[0] == {top} + 4")
    page.keyboard.press("Shift+ArrowLeft")
    lab.until(f"box.answer[3] == {right} - 8")
    assert page.locator(".nbviz-guess-foot", has_text="Kept").count() == 3
    assert not lab.errors


def test_no_explorer_is_needed_for_the_looks_and_axe_finds_nothing_serious_in_either_theme(lab: Lab) -> None:
    if not AXE.is_file():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("axe-core is not installed: npm --prefix .ci ci")
    page: Any = lab.page
    page.locator(".nbviz-guess-stage").wait_for()
    assert page.evaluate(HEIGHTS) == [["28px", "1px"]] * 2
    page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    for dark in (False, True):
        lab.dress(dark, sidebar=False)
        assert page.evaluate(SERIOUS) == []
