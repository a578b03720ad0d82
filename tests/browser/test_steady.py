"""Controls stay where they are, whatever is computed; the frame fills a window at a click."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.page import Lab

OPEN = [
    "import nbviz\nfrom nbviz import zoo\nsamples = [zoo.fashion()[index][0] for index in range(6)]\n"
    "explorer = nbviz.Explorer(zoo.load('fashion_cnn'), samples)\nexplorer",
    "explorer.wait(timeout=60)",
]
BOXES = """() => {
  const frame = document.querySelector('.nbviz-frame').getBoundingClientRect(), boxes = {};
  const controls = '.nbviz-titlebar button, .nbviz-what-if button, .nbviz-method, .nbviz-pin-button, '
    + '.nbviz-channel-grid .nbviz-segment, .nbviz-column-explanation canvas, .nbviz-trust .nbviz-head, '
    + '.nbviz-class-search input, .nbviz-add-picture, .nbviz-channel-card';
  document.querySelectorAll(controls).forEach((node, at) => {
    const box = node.getBoundingClientRect();
    if (box.height) boxes[at + ' ' + node.className + ' ' + node.textContent.slice(0, 20)] =
      [box.left - frame.left, box.top - frame.top].map(Math.round).join();
  });
  return { ...boxes, frame: Math.round(frame.height) };
}"""
WATCH = f"""() => {{ const boxes = {BOXES}, before = boxes(), moved = window.moved = {{}};
  const look = () => {{
    for (const [name, box] of Object.entries(boxes()))
      if (name in before && before[name] !== box) moved[name] = before[name] + ' to ' + box;
    requestAnimationFrame(look);
  }};
  look(); return before; }}"""
CLICKS = [
    ".nbviz [role=tree] [role=treeitem] > div:visible", ".nbviz-column-channels [role=option]",
    ".nbviz [role=radiogroup] [role=radio]", ".nbviz [role=tree] [role=treeitem] > div:visible",
]  # fmt: skip


@pytest.fixture(scope="module")
def lab(windows: Callable[..., Lab]) -> Lab:
    opened = windows(OPEN)
    opened.page.locator(".nbviz [role=tree]").wait_for()
    opened.until("explorer._activity.resting", 120)
    return opened


def test_no_control_moves_in_twenty_clicks(lab: Lab) -> None:
    before = lab.page.evaluate(WATCH)
    assert len(before) > 12 and before["frame"] == 880
    for turn in range(20):
        lab.page.locator(CLICKS[turn % 4]).nth(turn // 4 % 3).click()
    lab.until("explorer._activity.resting", 120)
    assert lab.page.evaluate("moved") == {}
    assert lab.page.evaluate(BOXES)["frame"] == 880


def test_the_frame_takes_the_whole_window_and_escape_gives_it_back(lab: Lab) -> None:
    cells = lab.cells()
    before = lab.page.evaluate(BOXES)
    lab.page.get_by_role("button", name="Wide").click()
    width, whole = lab.page.evaluate(
        "() => ['.nbviz-frame', '.jp-NotebookPanel']"
        ".map(name => document.querySelector(name).getBoundingClientRect().width)"
    )
    assert width == whole
    lab.page.keyboard.press("Escape")
    assert lab.page.locator(".nbviz-wide").count() == 0 and lab.page.evaluate(BOXES) == before
    assert lab.cells() == cells and not lab.errors


def test_two_columns_stand_beside_a_file_browser(lab: Lab) -> None:
    lab.page.set_viewport_size({"width": 1280, "height": 1000})
    lab.dress(dark=False, sidebar=True)
    lab.page.wait_for_function("document.querySelector('.nbviz-frame').getBoundingClientRect().width < 900")
    channels, explanation = (
        lab.page.locator(f".nbviz-column-{name}").bounding_box() for name in ("channels", "explanation")
    )
    assert channels and explanation
    assert channels["y"] == explanation["y"] and channels["x"] + channels["width"] <= explanation["x"]
    frame = lab.page.locator(".nbviz-frame").bounding_box()
    assert frame and frame["width"] < 900 and frame["height"] < 1250
