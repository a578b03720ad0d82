"""The stage Review as a person has it: a review is run, listed, opened, marked, and read page by page."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.page import Lab

CELLS = [
    "import nbviz\nfrom nbviz import zoo\n"
    "data = zoo.fashion(); data = [data[number] for number in range(200)]\n"
    "explorer = nbviz.Explorer(zoo.load('fashion_cnn'), data, stage='review', method='saliency')",
    "explorer",
]
TILE, SHOWN = ".nbviz-review-tile", ".nbviz-review-body > div:not([hidden])"
SIDEWAYS = """() => [document.querySelector('.nbviz'), ...document.querySelectorAll('.nbviz .nbviz-column')]
  .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.className)"""


def test_a_review_from_the_button_to_a_picture(windows: Callable[..., Lab]) -> None:
    lab = windows(CELLS)
    page, cells = lab.page, lab.cells()
    page.get_by_role("button", name="Review these 200 pictures").click()
    page.locator(TILE).first.wait_for()
    lab.until("explorer.panels['review'].view.pictures")
    page.locator(TILE).nth(1).click()
    lab.until("explorer.panels['review'].view.chosen == explorer.panels['review'].view.tiles[1][0]")
    page.locator(f"{TILE}[aria-selected=true]").focus()
    for key in ("ArrowRight", "b", " "):  # "b" would insert a cell, were the keys not kept from JupyterLab
        page.keyboard.press(key)
    lab.until("explorer.selection.marked == (explorer.panels['review'].view.tiles[2][0],)")
    page.locator(".nbviz-review-marked").wait_for()
    for name in ("classes", "calibration", "slices", "labels", "cues", "channels", "shift"):
        page.locator(f".nbviz-review-pages [data-key={name}]").click()
        lab.until(f"explorer.panels['review'].page == {name!r}")
        page.wait_for_function("name => document.querySelector(`[data-key=${name}]`).ariaPressed === 'true'", arg=name)
        assert page.locator(SHOWN).count() == 1 and page.evaluate(SIDEWAYS) == []
    page.locator(".nbviz-review-pages [data-key=classes]").click()
    page.locator(".nbviz-review-matrix td button").first.click()
    lab.until("explorer.panels['review'].page == 'pictures' and explorer.panels['review'].listing.label is not None")
    for width in (600, 1100):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function(f"() => ({SIDEWAYS})().length === 0")
    assert lab.cells() == cells and not lab.errors


AUDIT = [
    "import nbviz, tempfile\nfrom nbviz import zoo\n"
    "data = zoo.fashion(); data = [data[number] for number in range(60)]\n"
    "model = zoo.load('fashion_cnn')\nout = nbviz.report(model, data, tempfile.mkdtemp(), corruptions=[], cues=False,\n"
    "                   maps=False, progress=False)\n"
    "desk = nbviz.audit(model, data, out, 'Ada', count=3, method='saliency')",
    "desk",
]


def test_an_audit_is_answered_with_one_hand_and_signed(windows: Callable[..., Lab]) -> None:
    lab = windows(AUDIT, 640, dark=True)
    page, cells = lab.page, lab.cells()
    page.wait_for_function("() => document.activeElement.classList.contains('nbviz-audit-desk')")
    keys = ("ArrowRight", 1), ("ArrowLeft", 2), ("ArrowUp", 2), ("ArrowDown", 2), ("b", 2), ("ArrowRight", 3)
    for key, count in keys:  # "b" would insert a cell, were the keys not kept from JupyterLab
        lab.until("desk.front.seen and desk.front.state == 'ready'")
        page.locator(".nbviz-audit-answers button:not([disabled])").first.wait_for()
        page.keyboard.press(key)
        lab.until(f"len(desk.answers) == {count}")
    lab.until("sorted(desk.answers.values()) == [\"can't tell\", 'yes', 'yes']")
    page.get_by_role("button", name="Sign the report").click()
    lab.until("desk.front.signed and 'Ada' in (out / 'report.html').read_text()")
    page.get_by_text("Written into").wait_for()
    assert page.evaluate("() => document.querySelector('.nbviz-audit-desk').scrollWidth <= 640")
    assert lab.cells() == cells and not lab.errors
