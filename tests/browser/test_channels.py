"""What drives a channel, as a person asks for it: pages made and found, the card's parts, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.page import Lab

OPEN = [
    "import os, tempfile, nbviz\nos.environ['NBVIZ_CACHE'] = tempfile.mkdtemp()\n"
    "explorer = nbviz.Explorer(images=nbviz.zoo.photographs().pictures, "
    "layer='blocks.1', method='saliency')",
    "explorer", "explorer.wait(timeout=60)",
]  # fmt: skip
COLUMN = ".nbviz-column-channels"
TILES = f"{COLUMN} [role=option]"
PAINTED = f"""() => {{ const tiles = [...document.querySelectorAll({TILES!r})];
  return tiles.length === 24 && tiles.every(tile => tile.style.backgroundImage.startsWith('url(')); }}"""


@pytest.fixture(scope="module")
def lab(windows: Callable[..., Lab]) -> Lab:
    """One Explorer for all gestures of this file."""
    opened = windows(OPEN)
    opened.page.locator(TILES).first.wait_for()
    return opened


def mode(lab: Lab, name: str) -> None:
    lab.page.locator(f"{COLUMN} button[data-key={name}]").click()


def test_a_page_is_made_and_the_channel_stays_chosen(lab: Lab) -> None:
    before = lab.ask("explorer.panels['channels'].view.channel")
    mode(lab, "made")
    lab.page.get_by_label("How the pictures are made").select_option("preview")
    lab.until("explorer.panels['channels'].view.caption.endswith('16 steps')")
    lab.page.locator(f"{COLUMN} .nbviz-photos").wait_for()
    lab.page.wait_for_function(PAINTED)
    lab.page.locator(f"{COLUMN} >> text=made to drive each channel").wait_for()
    assert lab.ask("explorer.panels['channels'].view.channel") == before
    lab.page.locator(TILES).nth(3).click()
    lab.until("explorer.selection.channel == explorer.panels['channels'].view.channels[3]")
    lab.page.locator(f"{COLUMN} .nbviz-made").wait_for()  # its picture was made on the page


def test_the_made_picture_opens_large_and_escape_closes_it(lab: Lab) -> None:
    lab.page.locator(f"{COLUMN} .nbviz-made").click()
    lab.page.locator(f"{COLUMN} .nbviz-rise polyline").wait_for()
    lab.page.locator("button[data-variant=opposite]").click()
    lab.until("'below zero' in explorer.panels['channel'].view.made['words']")
    lab.page.keyboard.press("Escape")
    lab.page.locator(f"{COLUMN} .nbviz-made").wait_for()
    assert lab.page.locator(f"{COLUMN} .nbviz-made").evaluate("node => node === document.activeElement")


def test_pictures_are_looked_through_and_each_crop_shows_its_place(lab: Lab) -> None:
    mode(lab, "found")
    count = lab.ask("len(explorer.pictures)")
    lab.page.get_by_role("button", name=f"Look through these {count} pictures", exact=True).click()
    lab.page.locator(f"{COLUMN} >> text=strongest part of {count} pictures").wait_for()
    lab.page.wait_for_function(PAINTED)
    crop = lab.page.locator(f"{COLUMN} .nbviz-crop").first
    crop.hover()
    tip = lab.page.locator(f"{COLUMN} .nbviz-whole")
    tip.wait_for()
    assert tip.inner_text().strip() == lab.ask("explorer.panels['channel'].view.found['tiles'][0][0]")
    lab.page.mouse.move(2, 2)
    tip.wait_for(state="hidden")
    crop.focus()
    tip.wait_for()


def test_this_picture_is_made_again(lab: Lab) -> None:
    mode(lab, "made")
    lab.page.get_by_role("button", name="this picture, made again by the layer").click()
    lab.until("explorer.panels['remade'].view.progress == '' and explorer.panels['remade'].view.tiles")
    assert lab.page.locator(f"{COLUMN} .nbviz-remade-picture").count() == 4
    assert not lab.errors
