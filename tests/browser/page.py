"""What a person does in JupyterLab's window: open a notebook, run it, look at it.

Readiness is asked of JupyterLab itself (its application is exposed in the page), never guessed by sleeping.
Whatever the console or the page complains about is kept in `Lab.errors`.
"""

from __future__ import annotations

import ast
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.browser.server import Server

FRAME = ".nbviz"
WINDOW = "window"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Complaints of the server's own making that say nothing about a notebook.
NOISE = (
    "favicon",
    "/api/contents",
    "workspaces",
    "ResizeObserver",
    "/lab/api/",
    "@jupyter-notebook",
    "Failed to load resource",
)

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
ASK = """async code => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const asked = { code: '', silent: true, store_history: false, user_expressions: { answer: code } };
  const answer = (await kernel.requestExecute(asked).done).content.user_expressions.answer;
  if (answer.status !== 'ok') throw new Error(answer.ename + ': ' + answer.evalue);
  return answer.data['text/plain'];
}"""
CELLS = "() => [...window.jupyterapp.shell.currentWidget.content.model.cells].map(c => c.sharedModel.source)"
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
        self.ready()
        self.dress(dark, sidebar)

    def ready(self) -> None:
        """Wait until JupyterLab has restored itself and the notebook's kernel has answered."""
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.shell")
        self.page.evaluate("() => window.jupyterapp.restored")
        self.page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.sessionContext")
        self.page.evaluate(OPENED)

    def dress(self, dark: bool, sidebar: bool) -> None:
        """Choose the theme and whether the file browser is open."""
        theme = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.page.evaluate(THEME, theme)
        self.page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        self.page.evaluate(SIDEBAR, sidebar)

    def save(self) -> None:
        """Save the notebook, so that a reload finds its outputs."""
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    def run(self) -> None:
        """Run all cells; a cell that raises is an AssertionError with its traceback."""
        self.page.evaluate(RUN)
        failures = self.failures()
        if failures:
            raise AssertionError("\n".join(failures))

    def ask(self, expression: str) -> Any:
        """The value of a Python expression in the notebook's kernel; its repr where that is no literal."""
        words = str(self.page.evaluate(ASK, expression))
        try:
            return ast.literal_eval(words)
        except (SyntaxError, ValueError):
            return words

    def until(self, expression: str, seconds: float = 60) -> None:
        """Wait until a Python expression in the kernel is true."""
        end = time.monotonic() + seconds
        while not self.ask(f"bool({expression})"):
            if time.monotonic() > end:
                raise AssertionError(f"{expression} stayed false for {seconds} s")
            self.page.wait_for_timeout(50)

    def cells(self) -> list[str]:
        """The notebook's cells, as they are now."""
        return list(self.page.evaluate(CELLS))

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
    # A loaded machine is slow, not broken.
    context.set_default_timeout(60_000)
    try:
        yield Lab(context.new_page(), server)
    finally:
        context.close()
        server.shut_kernels()
