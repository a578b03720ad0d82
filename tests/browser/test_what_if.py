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
    page.locator(CHIP).wait_for()  # until then the button can't be held
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


def test_nothing_is_cut_or_alone_on_a_line_in_a_frame_of_968_pixels(lab: Lab) -> None:
    page = lab.page
    narrow(lab, 968)
    cut = """names => [...document.querySelectorAll(names)].filter(node => node.offsetWidth)
      .filter(node => node.scrollWidth > node.clientWidth).map(node => node.textContent)"""
    rows = """names => new Set([...document.querySelectorAll(names)].filter(node => node.offsetWidth)
      .map(node => node.offsetTop)).size"""
    assert page.evaluate(rows, ".nbviz-paint-desk .nbviz-desk-sized ~ .nbviz-button") == 1
    assert page.evaluate(cut, ".nbviz-what-if-hint") == []
    page.locator("[data-tool=attack]").click()
    lab.until("explorer.selection.tool == 'attack' and explorer.panels['attack'].view.captions")
    aims = "getComputedStyle(document.querySelector('.nbviz-attack-aims')).flexWrap"
    assert page.evaluate(aims) == "nowrap", "also with a class of a longer name"
    page.locator(".nbviz-attack-size").press("ArrowRight")
    lab.until("sum(words.startswith(('before', 'after')) for words in explorer.panels['attack'].view.captions) >= 2")
    page.locator(".nbviz-attack-grid .nbviz-label", has_text="after").first.wait_for()
    assert page.evaluate(cut, ".nbviz-attack-grid .nbviz-label, .nbviz-chip-words") == []
    # bqplot lays its bars out some time after the frame has become narrower: meanwhile none may stand beyond it
    narrow(lab, 1220)
    page.wait_for_function("() => document.querySelector('.nbviz-scores .bqplot svg').clientWidth > 430")
    narrow(lab, 968)
    beyond = """() => { const frame = document.querySelector('.nbviz').getBoundingClientRect(), box = document
      .querySelector('.nbviz-scores .bqplot'); return [box.getBoundingClientRect().right <= frame.right,
      getComputedStyle(box).overflowX]; }"""
    assert page.evaluate(beyond) == [True, "clip"]
    lab.ask("explorer.selection.change(tool='', edits=(), method='input_x_gradient')")
    page.locator(".nbviz-limits").first.wait_for()
    lab.ask("explorer.wait(timeout=60)")
    for width in (968, 905):
        narrow(lab, width)
        assert page.evaluate(cut, ".nbviz-limits, .nbviz-limits *") == []
    narrow(lab, 1220)
    page.locator("[data-tool=paint]").click()
    page.locator(STACK).wait_for()


def narrow(lab: Lab, width: int) -> None:
    """Give the frame this width."""
    size = lab.page.viewport_size
    assert size is not None
    own = int(lab.page.evaluate("document.querySelector('.nbviz').offsetWidth"))
    lab.page.set_viewport_size({"width": size["width"] + width - own, "height": size["height"]})
    lab.page.wait_for_function("width => document.querySelector('.nbviz').offsetWidth === width", arg=width)


def test_escape_closes_the_desk(lab: Lab) -> None:
    lab.page.locator(STACK).focus()
    lab.page.keyboard.press("Escape")
    lab.until("explorer.selection.tool == ''")
    lab.page.locator(STACK).wait_for(state="hidden")
