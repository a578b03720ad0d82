"""Maps side by side as a person has them: pinned, drawn exactly, linked by the pointer, reached by the keyboard."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.browser.page import Lab

OPEN = [
    "import nbviz, base64; explorer = nbviz.Explorer(method='saliency', target='tabby')",
    "explorer", "explorer.wait(timeout=60)",
]  # fmt: skip
CARD = ".nbviz-pin[data-kind=pin]"
PICTURE, CANVAS = f"{CARD} .nbviz-pin-picture", f"{CARD} canvas"
PIXELS = """at => { const canvas = document.querySelectorAll('.nbviz-pin[data-kind=pin] canvas')[at];
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  return [canvas.height, canvas.width, btoa(data.reduce((all, one) => all + String.fromCharCode(one), ''))]; }"""

SETTLED = """() => [...document.querySelectorAll('.nbviz-pin[data-kind=pin]')]
  .every(one => !one.querySelector('canvas').hidden && !one.querySelector('.busy'))"""


@pytest.fixture(scope="module")
def lab(windows: Callable[..., Lab]) -> Lab:
    opened = windows(OPEN)
    opened.page.locator(".nbviz-pin-button:not([aria-disabled=true])").wait_for()
    return opened


@pytest.fixture(autouse=True)
def no_complaint(lab: Lab) -> Iterator[None]:
    lab.errors.clear()
    yield
    assert not lab.errors


def drawn(lab: Lab, at: int) -> np.ndarray:
    """The pixels of a card's canvas, uint8 (h, w, 4)."""
    height, width, data = lab.page.evaluate(PIXELS, at)
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


def expected(lab: Lab, at: int) -> np.ndarray:
    """The same as Python draws it for the still picture."""
    heat = f"list(explorer.panels['pins'].cards.values())[{at}].card.heat()"
    height, width = lab.ask(f"{heat}.shape[:2]")
    data = lab.ask(f"base64.b64encode({heat}.tobytes()).decode()")
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


def test_pin_opens_the_stage_with_a_card(lab: Lab) -> None:
    lab.page.locator(".nbviz-pin-button").click()
    lab.page.locator(f"{CARD} canvas:visible").wait_for()
    assert lab.ask("[len(explorer.selection.pins), explorer.selection.stage]") == [1, "pins"]
    assert lab.page.locator(".nbviz [role=tab][aria-selected=true]").inner_text() == "Side by side 1"
    assert lab.page.locator(".nbviz-channel-grid").is_hidden()


def test_the_browser_draws_what_python_draws(lab: Lab) -> None:
    lab.ask("explorer.pin(method='grad_cam', layer='blocks.8')")
    lab.ask("explorer.pin(method='occlusion', options={'window': 56})")
    lab.ask("explorer.wait(timeout=120)")
    lab.page.locator(CANVAS).nth(2).wait_for()
    lab.page.wait_for_function(SETTLED)
    for at in range(3):
        ours, pythons = drawn(lab, at), expected(lab, at)
        assert ours.shape == pythons.shape
        # 16-bit values may land on the next of 253 levels
        assert np.abs(ours.astype(int) - pythons).max() <= 8 and (ours == pythons).mean() > 0.97


def test_pointing_at_a_card_marks_the_place_in_all_with_no_message(lab: Lab) -> None:
    lab.page.locator(PICTURE).first.scroll_into_view_if_needed()
    box = lab.page.locator(PICTURE).first.bounding_box()
    assert box is not None
    for step in range(1, 6):
        lab.page.mouse.move(box["x"] + box["width"] * step / 10, box["y"] + box["height"] / 4)
    assert lab.page.locator(f"{CARD} .nbviz-marker:visible").count() == 3
    assert lab.page.locator(".nbviz-column-explanation .nbviz-marker").is_visible()
    values = lab.page.locator(f"{CARD} .nbviz-pin-here").all_inner_texts()
    for at in (0, 2):
        scene = f"explorer.panels['pins'].cards[explorer.selection.pins[{at}]].scene.values"
        rows, columns = lab.ask(f"{scene}.shape")
        row, column = rows // 4, columns // 2
        near = lab.ask(f"[float(v) for v in {scene}[{row - 1}:{row + 2}, {column - 1}:{column + 2}].ravel()]")
        said = float(values[at].replace("−", "-"))
        assert min(abs(said - value) for value in near) <= 0.01 * max(map(abs, near))
    assert "row 5" in lab.page.locator(".nbviz-column-explanation .nbviz-tip").inner_text()
    assert lab.ask("explorer.selection.place") is None


def test_a_click_on_a_card_pins_the_place_for_all(lab: Lab) -> None:
    picture = lab.page.locator(PICTURE).nth(1)
    picture.click()
    lab.until("explorer.selection.place is not None")
    down, across = lab.ask("tuple(map(float, explorer.selection.place))")
    assert abs(down - 0.5) < 0.02 and abs(across - 0.5) < 0.02
    lab.page.locator(".nbviz-marker.pinned").nth(3).wait_for()
    picture.click()
    lab.until("explorer.selection.place is None")


def test_cards_are_reached_and_left_by_the_keyboard(lab: Lab) -> None:
    cells = lab.cells()
    lab.page.locator(CARD).first.focus()
    lab.page.keyboard.press("ArrowRight")
    focused = "() => document.activeElement.querySelector('.nbviz-pin-title')?.textContent"
    assert lab.page.evaluate(focused) == "Grad-CAM · tabby · blocks.8"
    for key in ("b", "x", "a", "z"):
        lab.page.keyboard.press(key)
    lab.page.keyboard.press("d")
    lab.page.locator(".nbviz-pin[data-kind=difference]:visible", has_text="rank correlation").wait_for()
    lab.page.keyboard.press("Delete")
    lab.until("len(explorer.selection.pins) == 2")
    lab.page.wait_for_function(f"() => ({focused})()?.startsWith('Occlusion')")
    lab.page.locator(".nbviz-pin[data-kind=difference]").wait_for(state="hidden")
    assert lab.cells() == cells


def test_p_on_the_canvas_pins_and_unpins(lab: Lab) -> None:
    lab.page.locator(".nbviz-column-explanation .nbviz-pointer").focus()
    lab.page.keyboard.press("p")
    lab.until("len(explorer.selection.pins) == 1")
    lab.page.keyboard.press("p")
    lab.until("len(explorer.selection.pins) == 2")


@pytest.mark.parametrize("width", [600, 1100, 1400])
def test_nothing_runs_over_the_frame(lab: Lab, width: int) -> None:
    lab.page.set_viewport_size({"width": width, "height": 1000})
    lab.page.wait_for_timeout(400)
    over = lab.page.evaluate("""() => [...document.querySelectorAll('.nbviz, .nbviz .nbviz-column, .nbviz-pins')]
      .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.className)""")
    assert over == []
    box = lab.page.locator(".nbviz .nbviz-frame").bounding_box()
    assert box is not None and (box["width"] < 900 or box["height"] <= 880)
    live = lab.page.locator(".nbviz-pin[data-kind=live]")
    assert live.is_visible() == (box["width"] < 900)
