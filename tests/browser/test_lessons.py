"""A guess is answered by hand, and only then does the reveal run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.page import Lab

CELLS = [
    "from PIL import Image\nfrom nbviz.lessons import guess\nfrom nbviz.lessons.guess import GuessFirst",
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
