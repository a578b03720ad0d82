"""One JupyterLab, one Voila and one Chromium a session; a fresh window a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.browser import page, server
from tests.browser.page import Lab
from tests.browser.server import Server


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """The system's Chromium; without one the tests are skipped, except in CI, where they fail."""
    if page.chromium() is None:
        say = pytest.fail if os.environ.get("CI") else pytest.skip
        say("no Chromium or Chrome on this machine (NBVIZ_CHROMIUM may name one)")
    with page.browser() as window:
        yield window


@pytest.fixture(scope="session")
def jupyter() -> Iterator[Server]:
    """A JupyterLab over an empty folder."""
    with server.jupyterlab() as running:
        yield running


@pytest.fixture(scope="session")
def voila() -> Iterator[Server]:
    """A Voila over an empty folder."""
    with server.voila() as running:
        yield running


@pytest.fixture(scope="module")
def windows(chrome: Browser, jupyter: Server) -> Iterator[Callable[..., Lab]]:
    """`windows(cells, width, dark, sidebar)` opens a window on a notebook of these cells and runs it."""
    with ExitStack() as opened:

        def open_window(cells: list[str], width: int = 1400, dark: bool = False, sidebar: bool = False) -> Lab:
            opened.close()
            lab = opened.enter_context(page.window(chrome, jupyter, width))
            lab.open(jupyter.write(cells, "test.ipynb"), dark, sidebar)
            lab.run()
            return lab

        yield open_window
