"""The frame for everybody: axe finds nothing serious in it, and the keyboard reaches what the pointer does."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.page import Lab

AXE = Path(__file__).parents[2] / ".ci/node_modules/axe-core/axe.min.js"
RUN = """async () => (await axe.run('.nbviz', {resultTypes: ['violations']})).violations
  .filter(found => ['serious', 'critical'].includes(found.impact))
  .map(found => [found.id, found.help, found.nodes.slice(0, 4).map(node => node.html.slice(0, 160))])"""
UNSAID = """() => {
  const frame = document.querySelector('.nbviz-frame');
  const kinds = 'img, svg, canvas, [role=img], button, select, input, dd, td, .nbviz-num, .nbviz-pill, '
    + '.nbviz-dot-item, .nbviz-thumb, .nbviz-score-row, .nbviz-limits, .nbviz-tile, [role=treeitem] > div';
  // what says itself beside the pointer, without the browser's own tip
  const own = '.nbviz-tiles *, .nbviz-stack *, .nbviz-paint-stack *, .bqplot, .bqplot *, .nbviz-parts-picture, '
    + '.nbviz-num:empty, option';
  const said = (node) => node && node !== frame
    && (node.getAttribute('title') || node.querySelector(':scope > title') || said(node.parentElement));
  // a button with a word on it says itself
  const worded = (node) => node.tagName === 'BUTTON' && /[a-z]{3}/i.test(node.textContent);
  return [...frame.querySelectorAll(kinds)]
    .filter((node) => node.checkVisibility() && !node.matches(own) && !worded(node) && !said(node))
    .map((node) => `${node.tagName} ${node.getAttribute('class')} "${node.textContent.trim().slice(0, 30)}"`);
}"""
OPEN = ["import nbviz; explorer = nbviz.Explorer(method='grad_cam')", "explorer", "explorer.wait(timeout=60)"]


@pytest.fixture(scope="module", params=[False, True], ids=["light", "dark"])
def lab(windows: Callable[..., Lab], request: pytest.FixtureRequest) -> Iterator[Lab]:
    if not AXE.is_file():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("axe-core is not installed: npm --prefix .ci ci")
    opened = windows(OPEN, dark=request.param)
    opened.page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
    yield opened


def test_axe_finds_nothing_serious_as_it_opens_and_with_all_open(lab: Lab) -> None:
    assert lab.page.evaluate(RUN) == []
    lab.page.get_by_role("combobox", name="Class").first.click()
    assert lab.page.evaluate(RUN) == []
    lab.page.keyboard.press("Escape")
    lab.page.get_by_role("button", name="Legend").click()
    assert lab.page.evaluate(RUN) == []
    lab.page.keyboard.press("Escape")
    assert lab.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Legend"


@pytest.mark.parametrize("lab", [False], ids=["light"], indirect=True)
def test_every_figure_dot_pill_and_miniature_says_what_it_is(lab: Lab) -> None:
    lab.ask("explorer.wait(timeout=60)")
    assert lab.page.evaluate(UNSAID) == []
    for mode in ("Found", "Maps"):
        lab.page.get_by_role("button", name=mode, exact=True).click()
        lab.ask("explorer.wait(timeout=60)")
        assert lab.page.evaluate(UNSAID) == []
    lab.ask("explorer.selection.change(method='integrated_gradients', options={'maximum': 20})")
    lab.page.get_by_role("button", name="Options").first.click()
    assert lab.page.evaluate(UNSAID) == []
    lab.page.keyboard.press("Escape")
    lab.ask("explorer.selection.change(method='grad_cam', options={})")
    for desk in ("paint", "transform", "attack", ""):
        lab.ask(f"setattr(explorer.selection, 'tool', {desk!r})")
        lab.ask("explorer.wait(timeout=60)")
        lab.page.wait_for_timeout(200)
        assert (desk, lab.page.evaluate(UNSAID)) == (desk, [])
    for stage in ("Parts", "Circuit", "Atlas", "Review", "Side by side", "Channels"):
        lab.page.get_by_role("tab", name=stage).first.click()
        lab.ask("explorer.wait(timeout=60)")
        lab.page.wait_for_timeout(200)
        assert (stage, lab.page.evaluate(UNSAID)) == (stage, [])


def test_back_forward_zoom_and_the_photograph_by_keys_alone(lab: Lab) -> None:
    before = lab.ask("explorer.selection.target")
    lab.page.locator(".nbviz-score-row").nth(1).focus()
    lab.page.keyboard.press("Enter")
    lab.until(f"explorer.selection.target != {before!r}")
    lab.page.keyboard.press("Alt+ArrowLeft")
    lab.until(f"explorer.selection.target == {before!r}")
    lab.page.locator(".nbviz-step[aria-label^='Forward']:not([aria-disabled=true]):enabled").wait_for()
    lab.page.keyboard.press("Alt+ArrowRight")
    lab.until(f"explorer.selection.target != {before!r}")
    lab.ask("explorer.wait(timeout=60)")
    canvas = lab.page.locator(".nbviz-saliency .nbviz-pointer")
    canvas.focus()
    lab.page.keyboard.press("+")
    small = lab.page.locator(".nbviz-saliency .nbviz-stack").bounding_box()
    large = canvas.bounding_box()
    assert small is not None and large is not None and abs(large["width"] / small["width"] - 1.5) < 0.01
    lab.page.keyboard.down(" ")
    lab.page.locator(".nbviz-photograph").wait_for()
    lab.page.keyboard.up(" ")
    lab.page.locator(".nbviz-photograph").wait_for(state="hidden")
    lab.page.keyboard.press("0")
    assert not lab.errors
