"""The strip What if and painting as a person has them: strokes, chips, undo, the original while held, the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.page import Lab

OPEN = ["import nbviz; explorer = nbviz.Explorer(method='saliency')", "explorer", "explorer.wait(timeout=60)"]
STACK, CHIP = ".nbviz-paint-stack", ".nbviz-chip-words"
WATCH = """() => { window.strokes = []; const said = document.querySelector('.nbviz-scores .nbviz-said');
  const stack = document.querySelector('.nbviz-paint-stack'); let begun = 0;
  stack.addEventListener('pointermove', () => { begun = begun || performance.now(); });
  new MutationObserver(() => { if (begun) strokes.push(performance.now() - begun); begun = 0; })
    .observe(said, { childList: true, characterData: true, subtree: true }); }"""


@pytest.fixture(scope="module")
def lab(windows: Callable[..., Lab]) -> Lab:
    opened = windows(OPEN)
    opened.page.locator("[data-tool=paint]").click()
    opened.page.locator(STACK).wait_for()
    opened.until("explorer.panels['paint'].view.picture")
    return opened


@pytest.fixture(autouse=True)
def no_complaint(lab: Lab) -> Iterator[None]:
    lab.errors.clear()
    yield
    assert not lab.errors


def test_bars_follow_a_stroke_and_its_end_is_a_chip(lab: Lab) -> None:
    page = lab.page
    page.locator(STACK).scroll_into_view_if_needed()
    page.evaluate(WATCH)
    box = page.locator(STACK).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    for step in range(12):
        page.mouse.move(box["x"] + (0.3 + 0.02 * step) * box["width"], box["y"] + 0.3 * box["height"])
        page.wait_for_timeout(80)
    assert lab.ask("[explorer.selection.edits, explorer.selection.draft is None]") == [(), False]
    page.mouse.up()
    page.locator(CHIP).wait_for()
    waits = sorted(page.evaluate("strokes"))
    print(
        f"stroke → bars: median {waits[len(waits) // 2]:.0f} ms of {len(waits)}" if waits else "no bars while drawing"
    )
    assert page.locator(CHIP).inner_text().startswith("painted ")
    lab.until("len(explorer.selection.edits) == 1 and explorer.selection.draft is None")
    share = lab.ask("float(explorer.selection.edits[0].mask.share)")
    assert 0.01 < share < 0.2


def test_undo_redo_and_the_original_while_held(lab: Lab) -> None:
    page = lab.page
    page.locator(STACK).focus()
    page.keyboard.press("Control+z")
    lab.until("explorer.selection.edits == ()")
    page.locator(".nbviz-what-if-hint").wait_for()
    page.keyboard.press("Control+Shift+z")
    lab.until("len(explorer.selection.edits) == 1")
    button = page.locator(".nbviz-what-if-end button", has_text="Original")
    button.hover()
    page.mouse.down()
    lab.until("explorer.selection.original")
    page.mouse.up()
    lab.until("not explorer.selection.original")


def test_a_rectangle_by_keyboard(lab: Lab) -> None:
    page = lab.page
    page.locator(".nbviz-what-if-end button", has_text="Clear").click()
    lab.until("explorer.selection.edits == () and not any(explorer.panels['paint'].view.mask)")
    page.locator(STACK).focus()
    for key in ("r", "ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    lab.until("len(explorer.selection.edits) == 1")
    rows = "explorer.selection.edits[0].mask.pixels.any({}).nonzero()[0][[0, -1]].tolist()"
    assert lab.ask(rows.format(1)) == lab.ask(rows.format(0)) == [76, 139]
    page.locator(f"{CHIP} + button").click()
    lab.until("explorer.selection.edits == ()")


def test_escape_closes_the_desk(lab: Lab) -> None:
    lab.page.locator(STACK).focus()
    lab.page.keyboard.press("Escape")
    lab.until("explorer.selection.tool == ''")
    lab.page.locator(STACK).wait_for(state="hidden")
