"""Parts and atlas as a person has them: a part alone, a channel of it in the grid, a map to walk on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.page import Lab

OPEN = ["import nbviz; explorer = nbviz.Explorer(stage='parts')", "explorer", "explorer.wait(timeout=60)"]
PART, MAP = ".nbviz-part-head", ".nbviz-atlas-map"
COLOURS = """() => { const map = document.querySelector('.nbviz-atlas-map');
  const data = map.getContext('2d').getImageData(0, 0, map.width, map.height).data;
  return new Set(Array.from({ length: data.length / 4 }, (_, i) => data[4 * i])).size; }"""
SIDEWAYS = """() => [document.querySelector('.nbviz'), ...document.querySelectorAll('.nbviz .nbviz-column')]
  .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.className)"""
BELOW = """() => { const bottom = node => node.getBoundingClientRect().bottom;
  const shown = [...document.querySelectorAll('.nbviz-stage-turn:not(.nbviz-off) > *')].map(bottom);
  return Math.max(...shown) - bottom(document.querySelector('.nbviz-frame')); }"""
LAID = "() => document.querySelector('.nbviz-parts-lay').style.backgroundPosition"


@pytest.fixture(scope="module")
def lab(windows: Callable[..., Lab]) -> Lab:
    """One Explorer for all gestures of this file."""
    opened = windows(OPEN)
    opened.page.locator(PART).first.wait_for()
    return opened


@pytest.fixture(autouse=True)
def no_complaint(lab: Lab) -> Iterator[None]:
    """Whatever a test does, the console stays silent."""
    lab.errors.clear()
    yield
    assert not lab.errors


def test_a_part_is_shown_alone_and_all_of_them_again(lab: Lab) -> None:
    page = lab.page
    assert page.locator(PART).count() == 6 and page.evaluate(LAID).endswith(" 0%")
    page.locator(PART).nth(1).click()
    assert page.evaluate(LAID) == "0px 33.3333%"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.evaluate(LAID) == "0px 50%"
    page.keyboard.press("Escape")
    assert page.evaluate(LAID).endswith(" 0%")


def test_a_channel_of_a_part_opens_in_the_grid(lab: Lab) -> None:
    chip = lab.page.locator(".nbviz-part-channels .nbviz-link").first
    channel = int(chip.inner_text())
    chip.click()
    lab.until("explorer.selection.stage == 'channels'")
    assert lab.ask("explorer.selection.channel") == channel
    lab.ask("setattr(explorer.selection, 'stage', 'parts')")


def test_a_map_is_made_and_walked_on(lab: Lab) -> None:
    page, cells = lab.page, lab.cells()
    page.locator("[role=tab][data-name=atlas]").click()
    page.get_by_role("button", name=f"Map these {lab.ask('len(explorer.pictures)')} pictures").click()
    lab.ask("explorer.wait(timeout=120)")
    lab.until("explorer.panels['atlas'].view.state == 'ready' and explorer.panels['atlas'].view.sprite", 120)
    page.wait_for_function(f"() => ({COLOURS})() > 20")
    page.locator(MAP).focus()
    for key in ("ArrowRight", "ArrowDown", "+", "b", "0"):
        page.keyboard.press(key)
    lab.until("explorer.panels['atlas'].view.chosen is not None")
    page.locator(".nbviz-atlas-patch").first.wait_for()
    page.locator(".nbviz-atlas-made:visible").wait_for()
    assert (
        page.evaluate(
            "() => { const one = document.querySelector('.nbviz-column-channels');"
            " return one.scrollHeight - one.clientHeight; }"
        )
        <= 1
    )
    page.keyboard.press("Escape")
    lab.until("explorer.panels['atlas'].cell is None")
    assert lab.cells() == cells


def test_the_frame_holds_its_stages_where_columns_stack(lab: Lab) -> None:
    lab.page.set_viewport_size({"width": 600, "height": 1000})
    for stage in ("parts", "atlas", "channels"):
        lab.ask(f"setattr(explorer.selection, 'stage', {stage!r})")
        lab.page.wait_for_function(f"() => ({BELOW})() <= 1")


@pytest.mark.parametrize("width", [600, 1100, 1400])
def test_nothing_scrolls_sideways(lab: Lab, width: int) -> None:
    for stage in ("parts", "atlas"):
        lab.ask(f"setattr(explorer.selection, 'stage', {stage!r})")
        lab.page.set_viewport_size({"width": width, "height": 1000})
        lab.page.wait_for_function(f"() => ({SIDEWAYS})().length === 0")
