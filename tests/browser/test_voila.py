"""Under Voila the same Explorer, and nothing of it is blank."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.browser import page
from tests.browser.server import Server
from tests.browser.test_explorer import DRAWN, OPEN, SIDEWAYS, TILES, TREE

STAGES = {
    "parts": ".nbviz-part-map", "atlas": ".nbviz-atlas-stage button:has-text('Map these')",
    "pins": ".nbviz-beside",
}  # fmt: skip


def test_nothing_is_blank(chrome: Browser, voila: Server) -> None:
    name = voila.write(OPEN, "voila.ipynb")
    with page.window(chrome, voila) as lab:
        # Voila answers while it runs the notebook: the page is complete when the last cell is.
        lab.page.goto(f"{voila.url}/voila/render/{name}", wait_until="commit")
        lab.page.locator(TREE).wait_for(timeout=90_000)
        lab.page.locator(TILES).nth(1).wait_for()
        lab.page.wait_for_function(DRAWN)
        assert lab.page.evaluate(SIDEWAYS) == []
        for stage, shown in STAGES.items():
            lab.page.locator(f".nbviz [role=tab][data-name={stage}]").click()
            lab.page.locator(shown).first.wait_for()
            assert lab.page.evaluate(SIDEWAYS) == []
        lab.page.locator(".nbviz-pin-button:not([aria-disabled=true])").click()
        lab.page.locator(".nbviz-pin[data-kind=pin] canvas:visible").wait_for()
        assert not lab.errors
