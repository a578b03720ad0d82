"""The site builds without a warning, every link inside it leads somewhere, and it can be read without seeing it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".ci/node_modules/axe-core/axe.min.js"
SERIOUS = """async theme => {
  document.documentElement.dataset.theme = document.documentElement.dataset.mode = theme;
  return (await axe.run({resultTypes: ['violations']})).violations
    .filter(found => ['serious', 'critical'].includes(found.impact))
    .map(found => [theme, found.id, found.help, found.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]);
}"""
OURS = ("*.html", "reference/*.html", "teaching/*.html", "site/*.html", "site/generated/*.html")


class Page(HTMLParser):
    """Links, anchors, pictures without an alternative text, and levels of headings of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.mute: list[str] = []
        self.sources: list[str] = []
        self.levels: list[int] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if anchor := found.get("id"):
            self.anchors.add(anchor)
        if tag == "a" and (link := found.get("href")):
            self.links.append(link)
        if tag == "img" and not found.get("alt"):
            self.mute.append(str(found.get("src")))
        if tag in ("script", "link") and found.get("rel") != "canonical":
            self.sources.append(str(found.get("src") or found.get("href") or ""))
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    """The pages, built with the notebooks unrun, any warning being an error."""
    folder = tmp_path_factory.mktemp("site")
    line = [sys.executable, "-m", "sphinx", "-q", "-W", "-c", ROOT / "notebooks" / "site", "-d", folder / "trees"]
    settings = {**os.environ, "SITE_RUN": "off", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    built = subprocess.run([*line, ROOT / "notebooks", folder / "html"], capture_output=True, text=True, env=settings)
    assert built.returncode == 0, built.stderr
    html = (folder / "html").resolve()
    return {path: Page(path) for pattern in OURS for path in html.glob(pattern)}


def test_every_lesson_and_every_public_name_has_its_page(pages: dict[Path, Page]) -> None:
    names = {path.stem for path in pages}
    assert {path.stem for path in (ROOT / "notebooks").glob("[01]*.ipynb")} <= names
    assert {"nbviz.Explorer", "nbviz.attribute", "nbviz.lessons", "methods", "coverage", "lesson_09"} <= names


def test_links_inside_the_site_lead_somewhere(pages: dict[Path, Page]) -> None:
    lost = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = target in pages and (not parts.fragment or parts.fragment in pages[target].anchors)
            if not parts.scheme and not (known or target not in pages and target.exists()):
                lost.append((path.name, link))
    assert not lost


def test_pages_load_nothing_from_elsewhere(pages: dict[Path, Page]) -> None:
    """A class without a network reads the site from a folder."""
    assert [(path.name, one) for path, page in pages.items() for one in page.sources if urlsplit(one).scheme] == []


def test_pictures_have_words_and_headings_are_in_order(pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        assert not page.mute, path.name
        steps = [below - above for above, below in zip(page.levels, page.levels[1:], strict=False)]
        assert page.levels.count(1) == 1 and max(steps, default=0) <= 1, (path.name, page.levels)


LOOKED_AT = (
    "site/index",
    "02_what_a_filter_sees",
    "reference/methods",
    "teaching/README",
    "site/generated/nbviz.attribute",
)


def test_axe_finds_nothing_serious_in_either_theme(pages: dict[Path, Page], chrome: Browser) -> None:
    """Contrast of text, names of controls, landmarks: one page of each kind."""
    if not AXE.is_file():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("axe-core is not installed: npm --prefix .ci ci")
    html = next(path.parent for path in pages if path.name == "11_your_own_network.html")
    sheet = chrome.new_page(viewport={"width": 1280, "height": 900})
    for name in LOOKED_AT:
        sheet.goto((html / f"{name}.html").as_uri())
        sheet.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        assert [found for theme in ("light", "dark") for found in sheet.evaluate(SERIOUS, theme)] == [], name
    sheet.close()
