"""An Explorer whose kernel has gone: one line says so, and its finished picture stands in its place."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import nbconvert

from tests.browser.page import Lab

OPEN = [
    "import nbviz\nfrom nbviz import zoo\nsamples = [zoo.fashion()[index][0] for index in range(6)]\n"
    "explorer = nbviz.Explorer(zoo.load('fashion_cnn'), samples, method='grad_cam')\nexplorer"
]
VISIBLE = """() => ({ frame: !!document.querySelector('.nbviz-frame')?.offsetHeight,
  line: [...document.querySelectorAll('.nbviz-still p')].find(one => one.offsetHeight)?.textContent ?? '',
  picture: [...document.querySelectorAll('.nbviz-still img')].find(one => one.offsetHeight)?.src ?? '',
  wide: [...document.querySelectorAll('.nbviz-still img')].some(one => one.naturalWidth === 1220),
  chains: [...document.querySelectorAll('.jupyter-widgets-disconnected')].filter(one => one.offsetHeight).length,
  broken: [...document.querySelectorAll('.jp-OutputArea-child')]
    .filter(one => one.offsetHeight && one.textContent.includes('Error displaying widget')).length })"""
RESTART = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"


def seen(lab: Lab, picture: str, words: str) -> None:
    """Assert that the finished picture and a line are all there is."""
    lab.page.wait_for_function(f"() => {{ const now = ({VISIBLE})(); return now.line && now.wide; }}")
    now = lab.page.evaluate(VISIBLE)
    assert words in now["line"] and now["picture"] == picture
    assert not (now["frame"] or now["chains"] or now["broken"])


def test_the_finished_picture_stands_where_nothing_runs(windows: Callable[..., Lab], tmp_path: Path) -> None:
    lab = windows(OPEN)
    page = lab.page
    page.locator(".nbviz [role=tree]").wait_for()
    page.wait_for_function(f"() => ({VISIBLE})().frame")
    lab.until("explorer._still._drawn", 120)
    assert "judging" not in str(lab.ask("explorer.panels['trust'].view.dots")), "the trust line is in it"
    picture = str(lab.ask("explorer._still._drawn.split('src=\"')[1][:-2]"))
    page.wait_for_function("src => document.querySelector('.nbviz-still img')?.src === src", arg=picture)
    assert page.evaluate(VISIBLE)["line"] == "", "a live frame is enough"
    lab.save()
    page.evaluate(RESTART)
    seen(lab, picture, "run the cell again")
    page.reload()
    lab.ready()
    seen(lab, picture, "run the cell again")
    written, _ = nbconvert.HTMLExporter().from_filename(str(lab.server.folder / "test.ipynb"))
    (tmp_path / "static.html").write_text(written)
    page.goto((tmp_path / "static.html").as_uri(), wait_until="commit")
    seen(lab, picture, "run the cell again")
    assert "model not found" not in page.locator("body").inner_text()


def test_a_closed_explorer_leaves_its_picture_and_a_line(windows: Callable[..., Lab]) -> None:
    lab = windows(OPEN)
    lab.page.locator(".nbviz [role=tree]").wait_for()
    lab.until("explorer._still._drawn", 120)
    picture = str(lab.ask("explorer._still._drawn.split('src=\"')[1][:-2]"))
    lab.ask("explorer.close()")
    seen(lab, picture, "was closed")


def test_a_kernel_that_is_killed_leaves_the_finished_picture(windows: Callable[..., Lab]) -> None:
    lab = windows(OPEN)
    lab.page.locator(".nbviz [role=tree]").wait_for()
    lab.until("explorer._still._drawn", 120)
    picture = str(lab.ask("explorer._still._drawn.split('src=\"')[1][:-2]"))
    lab.page.wait_for_function("src => document.querySelector('.nbviz-still img')?.src === src", arg=picture)
    os.kill(lab.ask("__import__('os').getpid()"), signal.SIGKILL)
    seen(lab, picture, "run the cell again")
