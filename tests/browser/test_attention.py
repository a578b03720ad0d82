"""Heads by layers as a person has them: clicks and keys choose, a patch is pinned here and on the canvas."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.page import Lab
from tests.browser.test_explorer import SIDEWAYS

OPEN = [
    "import nbviz; pictures = nbviz.zoo.fashion()\n"
    "explorer = nbviz.Explorer(nbviz.zoo.load('fashion_vit'), [pictures[i][0] for i in range(3)])",
    "explorer",
    "explorer.wait(timeout=60)",
]
GRID = ".nbviz-attention [role=grid]"


def test_heads_are_chosen_and_patches_pinned(windows: Callable[..., Lab]) -> None:
    lab = windows(OPEN)
    page = lab.page
    page.locator(".nbviz [role=tab][data-name=attention]").click()
    tiles = page.locator(f"{GRID} .nbviz-tile")
    tiles.nth(19).wait_for()
    assert tiles.count() == 4 * 5
    tiles.nth(6).click()
    lab.until("explorer.selection.head == (1, 1)")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    lab.until("explorer.selection.head == (2, 2)")
    for key in ("b", "x", "d", "d"):
        page.keyboard.press(key)
    assert lab.cells() == OPEN
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    lab.until("explorer.selection.layer == 'blocks.2.attention'")
    page.locator(f"{GRID} .nbviz-heads-chosen", has_text="2").wait_for()
    here = page.locator(".nbviz-heads-card .nbviz-here")
    here.click()
    lab.until("explorer.selection.pinned_place == (0.5, 0.5)")
    page.locator(".nbviz-attention", has_text="what the patch in row 3, column 3 looks at").wait_for()
    page.keyboard.press("ArrowUp")
    page.locator(".nbviz-attention", has_text="what the patch in row 2, column 3 looks at").wait_for()
    assert page.locator(".nbviz-column-explanation .nbviz-marker.pinned").is_visible()
    page.locator(".nbviz-column-explanation .nbviz-tip:visible").wait_for()
    page.wait_for_function(f"() => !({SIDEWAYS})().length")
    page.keyboard.press("Escape")
    lab.until("explorer.selection.pinned_place is None")
    for width in (600, 1100, 1400):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function(f"() => !({SIDEWAYS})().length")  # the bars follow a resize in their own time
    inside = "([one, other]) => one.getBoundingClientRect().bottom <= other.getBoundingClientRect().bottom + 1"
    parts = [page.locator(name).first.element_handle() for name in (".nbviz-column-channels", ".nbviz-frame")]
    assert page.evaluate(inside, parts)
    assert not lab.errors
