"""What a person does in JupyterLab's window: open a notebook, run it, look at it.

Readiness is asked of JupyterLab itself (its application is exposed in the page), never guessed by sleeping.
Whatever the console or the page complains about is kept in `Lab.errors`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.server import Server

FRAME = ".nbviz"
WINDOW = "window"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Complaints of the server's own making that say nothing about a notebook.
NOISE = ("favicon", "/api/contents", "workspaces", "ResizeObserver", "/lab/api/", "@jupyter-notebook",
         "Failed to load resource")

OPENED = """async () => {
  const app = window.jupyterapp; await app.restored;
  const panel = app.shell.currentWidget; await panel.context.ready;
  await panel.sessionContext.ready; await panel.sessionContext.session.kernel.info;
}"""
THEME = """async theme => {
  const before = document.body.dataset.jpThemeName;
  if (before !== theme) await window.jupyterapp.commands.execute('apputils:change-theme', { theme });
}"""
SIDEBAR = """async open => {
  const app = window.jupyterapp;
  if (open !== !app.shell.leftCollapsed) await app.commands.execute('application:toggle-left-area');
}"""
RUN = "async () => { await window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
FAILURES = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
  .flatMap(cell => cell.outputs ? cell.outputs.toJSON() : [])
  .filter(output => output.output_type === 'error')
  .map(output => output.ename + ': ' + output.evalue + '\\n' + output.traceback.join('\\n'))"""


def chromium() -> str | None:
    """The system's Chromium or Chrome, or None."""
    named = os.environ.get("NBVIZ_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """One headless Chromium of the system's."""
    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield window
        finally:
            window.close()


@dataclass
class Lab:
    """A window on one server; `page` is playwright's page, `errors` what was complained about in it."""

    page: Page
    server: Server
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(f"page error: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        words = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not any(noise in words for noise in NOISE):
            self.errors.append(words)

    def open(self, name: str, dark: bool = False, sidebar: bool = False) -> None:
        """Open a notebook of the served folder and wait until its kernel has answered."""
        self.page.goto(f"{self.server.url}/lab/tree/{name}?reset")
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.shell")
        self.page.evaluate("() => window.jupyterapp.restored")
        self.page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.sessionContext")
        self.page.evaluate(OPENED)
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate(THEME, theme)
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        self.page.evaluate(SIDEBAR, sidebar)

    def run(self) -> None:
        """Run all cells; a cell that raises is an AssertionError with its traceback."""
        self.page.evaluate(RUN)
        failures = self.failures()
        if failures:
            raise AssertionError("\n".join(failures))

    def failures(self) -> list[str]:
        """The tracebacks in the notebook's outputs."""
        return list(self.page.evaluate(FAILURES))

    def shoot(self, path: str | Path, selector: str = FRAME) -> None:
        """Save a picture of the first `selector` there is, or of the whole window without one."""
        found = self.page.locator(selector)
        if selector == WINDOW or not found.count():
            self.page.screenshot(path=str(path))
            return
        found.first.scroll_into_view_if_needed()
        found.first.screenshot(path=str(path))


@contextmanager
def window(browser: Browser, server: Server, width: int = 1400, height: int = 1000) -> Iterator[Lab]:
    """A fresh window of this size; at the end it closes and its kernels end."""
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        yield Lab(context.new_page(), server)
    finally:
        context.close()
        server.shut_kernels()
