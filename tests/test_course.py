"""`nbviz teach` and `nbviz show`: the course is laid out, never over somebody's work; the page has no code."""

from __future__ import annotations

import importlib.util
import os
import socket
import sys
from pathlib import Path

import nbformat
import pytest

import nbviz
from nbviz import cli, course
from nbviz.lessons.guess import VARIABLE
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.scenes.channel_page import PHOTOS

ROOT = Path(__file__).resolve().parents[1]
Started = list[tuple[list[str], dict[str, str]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Started:
    """The command line that would have taken this process's place, in an empty folder."""
    calls: Started = []
    monkeypatch.setattr(os, "execve", lambda path, line, settings: calls.append((line, settings)))
    monkeypatch.chdir(tmp_path)
    return calls


def test_every_notebook_of_ours_is_known() -> None:
    shipped = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert shipped == {cli.TOUR, course.APP, *course.LESSONS}
    assert {path.name for path in (ROOT / "notebooks" / "teaching").iterdir()} == set(course.TEACHING)


def test_the_course_is_laid_out_and_jupyterlab_opens_on_its_first_lesson(started: Started) -> None:
    Path(course.LESSONS[2]).write_text("mine")
    cli.main(["teach", "--no-browser", "--port", "9124", "--", "--ServerApp.token=secret"])
    assert Path(course.LESSONS[2]).read_text() == "mine"
    for name in (cli.TOUR, *course.LESSONS[:2], "teaching/lesson_09.md", "teaching/class_guesses.ipynb"):
        assert Path(name).read_bytes() == (ROOT / "notebooks" / name).read_bytes()
    line = started[0][0]
    assert {f"--LabApp.default_url=/lab/tree/{course.LESSONS[0]}", "--port=9124", "--no-browser"} <= set(line)
    assert line[-1] == "--ServerApp.token=secret"


def test_the_course_goes_to_the_folder_that_is_named(started: Started, tmp_path: Path) -> None:
    cli.main(["teach", "class"])
    assert (tmp_path / "class" / course.LESSONS[-1]).is_file() and not (tmp_path / course.LESSONS[-1]).exists()
    assert f"--ServerApp.root_dir={tmp_path / 'class'}" in started[0][0]


def test_a_folder_that_is_a_file_is_a_sentence(started: Started, capsys: pytest.CaptureFixture[str]) -> None:
    Path("class").write_text("mine")
    assert cli.main(["teach", "class"]) == 1
    assert "could not be written" in capsys.readouterr().err and not started


def test_show_opens_voila_on_the_page(started: Started) -> None:
    cli.main(["show", "--no-browser", "--port", "9125", "--", "--theme=dark"])
    line = started[0][0]
    assert line[:4] == [sys.executable, "-m", "voila", str(Path(course.APP).absolute())]
    assert {"--port=9125", "--no-browser"} <= set(line) and line[-1] == "--theme=dark"


def test_show_refuses_a_port_that_is_taken(started: Started, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.main(["show", "--port", str(taken.getsockname()[1])]) == 1
    assert "is taken" in capsys.readouterr().err and not started


@pytest.mark.parametrize(("word", "package"), [("teach", "jupyterlab"), ("show", "voila")])
def test_a_missing_server_is_a_sentence(
    word: str, package: str, started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main([word]) == 1
    assert f"pip install {package}" in capsys.readouterr().err and not started


def test_a_rehearsal_runs_lessons_with_the_reveals_open_and_names_what_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two lessons of two lines: one needs the demonstration mode, one fails."""
    cells = {
        "open.ipynb": f"import os\nassert os.environ['{VARIABLE}'] == '1'",
        "broken.ipynb": "raise ValueError('no disk')",
    }
    for name, source in cells.items():
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), tmp_path / name)
    monkeypatch.setattr(cli, "shipped", lambda name: tmp_path / name)
    before = dict(os.environ)
    results = {name: words for name, _, words in course.rehearse(list(cells))}
    assert results == {"open.ipynb": "", "broken.ipynb": "ValueError: no disk"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(cells) and dict(os.environ) == before


def test_pictures_are_made_once_and_the_next_call_makes_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NBVIZ_CACHE", str(tmp_path))
    wanted = {"fashion_cnn": {"stem": None}}
    assert [(one.network, one.layer, one.pictures) for one in course.make(wanted)] == [("fashion_cnn", "stem", 16)]
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert len(times) == 16
    missing = min(times)
    missing.unlink()
    assert [one.pictures for one in course.make(wanted)] == [16]
    again = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.png")}
    assert {path for path in times if again[path] != times[path]} == {missing}


def test_the_pages_that_are_made_are_those_a_fresh_grid_opens_with() -> None:
    """A layer of which only the first pages are made: the grid asks for these very channels."""
    (layer,) = (layer for layer, pages in course.MADE["efficientnet_lite0"].items() if pages is not None)
    with nbviz.Explorer(layer=layer) as explorer:
        assert explorer.wait(timeout=60)
        grid = explorer.panels["channels"]
        assert isinstance(grid, ChannelsPanel)
        assert grid.view.channels == course.grid_order(explorer.model, layer)[: len(grid.view.channels)]
    assert course.PAGE == PHOTOS


def test_the_layers_of_the_lessons_are_there() -> None:
    for network, layers in course.MADE.items():
        assert set(layers) <= {layer.name for layer in nbviz.zoo.load(network).layers().walk()}
