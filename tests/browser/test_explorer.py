"""The Explorer as a person has it: every click is live, at every width, in both themes, and does no harm.

What a click did is asked of the kernel, what is on show of the page. One window serves all gestures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator

from tests.browser.page import Lab

OPEN = ["import nbviz; explorer = nbviz.Explorer()", "explorer", "explorer.wait(timeout=60)"]
TREE, TILES = ".nbviz [role=tree]", ".nbviz-column-channels [role=option]"
CANVAS = ".nbviz-column-explanation canvas"
FOCUSABLE = {
    "tree": f"{TREE} [role=treeitem][tabindex='0']",
    "tiles": ".nbviz-column-channels [role=listbox]",
    "frame": ".nbviz .nbviz-frame",
    "canvas": ".nbviz-column-explanation [tabindex='0']",
    "buttons": ".nbviz button:visible:enabled",
}
SIDEWAYS = """() => [document.querySelector('.nbviz'), ...document.querySelectorAll('.nbviz .nbviz-column')]
  .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.className)"""
CANVASES = """() => [...document.querySelectorAll('.nbviz-column-explanation .nbviz-saliency canvas')].map(canvas =>
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(value => value > 0))"""
DRAWN = f"() => {{ const drawn = ({CANVASES})(); return drawn.length > 0 && drawn.every(Boolean); }}"


@pytest.fixture(scope="module")
def lab(windows: Callable[..., Lab]) -> Lab:
    """One Explorer for all gestures of this file."""
    opened = windows(OPEN)
    opened.page.locator(TREE).wait_for()
    return opened


@pytest.fixture(autouse=True)
def no_complaint(lab: Lab) -> Iterator[None]:
    """Whatever a test does, the console stays silent."""
    lab.errors.clear()
    yield
    assert not lab.errors


def row(lab: Lab, name: str) -> Locator:
    """The visible row of the tree that starts with this name."""
    return lab.page.locator(f"{TREE} [role=treeitem][aria-label^='{name}'] > div").first


def said(lab: Lab, words: str) -> None:
    """Wait until these words can be seen."""
    lab.page.locator(".nbviz :visible", has_text=words).first.wait_for()


def settled(lab: Lab) -> None:
    """Wait until every picture is that of the selection."""
    lab.ask("explorer.wait(timeout=60)")


def test_it_opens_on_something(lab: Lab) -> None:
    settled(lab)
    assert lab.ask("explorer.selection.image") and lab.ask("explorer.selection.layer")
    assert lab.page.locator(TILES).count() > 1
    lab.page.wait_for_function(DRAWN)


def test_clicking_a_layer_shows_its_channels(lab: Lab) -> None:
    row(lab, "stem").click()
    lab.until("explorer.selection.layer == 'stem'")
    settled(lab)
    lab.page.locator(".nbviz-column-channels", has_text="stem").wait_for()


def test_arrows_walk_the_tree(lab: Lab) -> None:
    row(lab, "stem").click()
    lab.until("explorer.selection.layer == 'stem'")
    lab.page.keyboard.press("ArrowDown")
    lab.until("explorer.selection.layer != 'stem'")


def test_typing_in_the_filter_narrows_the_tree(lab: Lab) -> None:
    field = lab.page.get_by_label("Filter layers")
    shown = lab.page.locator(f"{TREE} [role=treeitem]:visible")
    everything = shown.count()
    field.fill("stem")
    assert 0 < shown.count() < everything
    field.fill("no such layer")
    assert shown.count() == 0 and "no layer matches" in lab.page.locator(".nbviz-column-layers").inner_text()
    field.fill("")
    assert shown.count() >= everything


def test_clicking_a_channel_opens_its_card(lab: Lab) -> None:
    settled(lab)
    before = lab.ask("explorer.selection.channel")
    tiles = lab.page.locator(TILES)
    tiles.nth(3).click()
    lab.until(f"explorer.selection.channel not in (None, {before!r})")
    settled(lab)
    said(lab, f"Channel {lab.ask('explorer.selection.channel')}")


def test_a_class_is_found_by_typing(lab: Lab) -> None:
    field = lab.page.get_by_role("combobox", name="Class").first
    field.click()
    field.fill("goldfish")
    lab.page.keyboard.press("Enter")
    lab.until("explorer.selection.target in (1, 'goldfish')")
    settled(lab)
    assert "goldfish" in lab.page.locator(".nbviz-column-explanation").inner_text()


def test_clicking_a_bar_chooses_its_class(lab: Lab) -> None:
    lab.ask("setattr(explorer.selection, 'target', 'predicted')")
    settled(lab)
    # the whole row is the button, the name left of the bar too
    row = lab.page.locator(".nbviz-score-row").nth(1)
    row.click(position={"x": 6, "y": 8})
    lab.until("isinstance(explorer.selection.target, int)")
    second = lab.ask("explorer.selection.target")
    settled(lab)
    lab.page.locator(".nbviz-score-row[aria-pressed=true]").focus()
    lab.page.keyboard.press("ArrowUp")
    lab.page.keyboard.press("Enter")
    lab.until(f"explorer.selection.target != {second}")
    settled(lab)
    # Five bars of track come first, then five of values.
    bar = lab.page.locator(".nbviz .bqplot .bargroup .bar").nth(6).bounding_box()
    assert bar is not None
    lab.page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    lab.until(f"explorer.selection.target == {second}")


def test_a_word_that_is_no_class_changes_nothing(lab: Lab) -> None:
    before = lab.ask("explorer.selection.target")
    field = lab.page.get_by_role("combobox", name="Class").first
    field.click()
    field.fill("qqq")
    lab.page.keyboard.press("Tab")
    said(lab, "no class matches 'qqq'")
    assert lab.ask("explorer.selection.target") == before and field.input_value() != "qqq"


def test_clicking_a_pixel_pins_the_place(lab: Lab) -> None:
    settled(lab)
    box = lab.page.locator(CANVAS).first.bounding_box()
    assert box is not None
    lab.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    lab.until("explorer.selection.place is not None")
    down, across = lab.ask("tuple(map(float, explorer.selection.place))")
    assert abs(down - 0.5) < 0.05 and abs(across - 0.25) < 0.05


def test_choosing_a_picture_moves_every_panel(lab: Lab) -> None:
    before, layer = lab.ask("explorer.selection.image"), lab.ask("explorer.selection.layer")
    lab.page.locator(".nbviz [role=radiogroup] [role=radio][aria-checked=false]").first.click()
    lab.until(f"explorer.selection.image != {before!r}")
    settled(lab)
    assert lab.ask("explorer.selection.layer") == layer


@pytest.mark.parametrize("where", FOCUSABLE)
def test_single_keys_change_no_cell(lab: Lab, where: str) -> None:
    cells = lab.cells()
    lab.page.locator(FOCUSABLE[where]).first.focus()
    for key in ("b", "x", "d", "d", "a", "z"):
        lab.page.keyboard.press(key)
    lab.page.wait_for_timeout(100)
    assert lab.cells() == cells


def test_code_moves_the_panels(lab: Lab) -> None:
    lab.ask("setattr(explorer.selection, 'layer', 'blocks.4')")
    settled(lab)
    lab.page.locator(f"{TREE} [aria-selected=true][aria-label^='4']").first.wait_for()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "sidebar"), [(600, False), (1100, True), (1400, True), (1400, False), (1920, False)])
def test_it_fits_its_frame(lab: Lab, width: int, sidebar: bool, dark: bool) -> None:
    lab.page.set_viewport_size({"width": width, "height": 1000})
    lab.dress(dark, sidebar)
    lab.page.wait_for_timeout(400)
    assert lab.page.evaluate(SIDEWAYS) == []
    box = lab.page.locator(".nbviz .nbviz-frame").bounding_box()
    assert box is not None and (box["width"] < 900 or box["height"] <= 880)
    card = lab.page.locator(".nbviz-channel-card").bounding_box()
    assert card is not None and card["y"] + card["height"] <= box["y"] + box["height"] + 1


def test_a_reload_leaves_nothing_blank(lab: Lab) -> None:
    lab.ask("setattr(explorer.selection, 'canvas', 'explanation')")
    settled(lab)
    lab.save()
    lab.page.reload()
    lab.ready()
    lab.page.locator(TREE).wait_for()
    lab.page.wait_for_function(DRAWN)
    assert lab.page.locator(TILES).count() > 1
