"""The command line lays out the tour, never over somebody's work, and hands the rest to JupyterLab."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

import nbviz
from nbviz import cli, version


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[list[str], dict[str, str]]]:
    """What would have become of this process, in an empty folder."""
    calls: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda path, line, settings: calls.append((line, settings)))
    monkeypatch.chdir(tmp_path)
    return calls


Started = list[tuple[list[str], dict[str, str]]]


def test_help_and_version_are_instant_and_load_no_torch() -> None:
    probe = "import sys\nfrom nbviz import cli\ntry: cli.main(['--help'])\nexcept SystemExit: pass\n"
    probe += "sys.exit('torch' in sys.modules)"
    began = time.monotonic()
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode == 0
    version = subprocess.run([sys.executable, "-m", "nbviz", "--version"], capture_output=True, text=True)
    assert version.stdout.split() == ["nbviz", nbviz.__version__]
    assert time.monotonic() - began < 5


def test_the_tour_is_copied_into_an_empty_folder(started: Started) -> None:
    cli.main([])
    assert Path(cli.TOUR).read_bytes() == cli.tour().read_bytes()


def test_a_tour_that_is_there_is_never_overwritten(started: Started) -> None:
    Path(cli.TOUR).write_text("mine")
    cli.main([])
    assert Path(cli.TOUR).read_text() == "mine"


def test_a_broken_link_of_that_name_is_left_alone(started: Started) -> None:
    Path(cli.TOUR).symlink_to("nowhere.ipynb")
    cli.main([])
    assert Path(cli.TOUR).is_symlink() and not Path("nowhere.ipynb").exists()


def test_jupyterlab_opens_on_the_tour(started: Started) -> None:
    cli.main([])
    line = started[0][0]
    assert line[:3] == [sys.executable, "-m", "jupyterlab"]
    assert f"--LabApp.default_url=/lab/tree/{cli.TOUR}" in line
    assert "--no-browser" not in line and not any(word.startswith("--port") for word in line)


def test_options_reach_jupyterlab(started: Started) -> None:
    cli.main(["--no-browser", "--port", "9123", "--", "--ServerApp.token=secret", "--help"])
    line = started[0][0]
    assert {"--no-browser", "--port=9123"} <= set(line)
    assert line[-2:] == ["--ServerApp.token=secret", "--help"]


def test_jupyterlabs_options_need_the_dashes(started: Started, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--ServerApp.token=secret"])
    assert "--ServerApp.token=secret" in capsys.readouterr().err and not started


def test_kernels_get_the_cores_given_unless_the_person_said_otherwise() -> None:
    assert cli.environment({}, 3) == {**cli.SETTINGS, "OMP_NUM_THREADS": "3"}
    assert cli.environment({"OMP_NUM_THREADS": "7"}, 3)["OMP_NUM_THREADS"] == "7"


@pytest.mark.parametrize(
    ("words", "cores"),
    [
        ("150000 100000", 1),
        ("200000 100000", 2),
        ("50000 100000", 1),
        ("max 100000", 64),
    ],
)
def test_a_quota_bounds_the_cores(words: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64), raising=False)
    (tmp_path / "cpu.max").write_text(words + "\n")
    assert cli.cores(tmp_path) == cores


def test_the_older_quota_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(64), raising=False)
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    for words, cores in (("300000\n", 3), ("-1\n", 64)):
        (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(words)
        assert cli.cores(tmp_path) == cores
    assert cli.cores(tmp_path / "nothing here") == 64


def test_a_busy_port_is_named(started: Started, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        cli.main(["--port", str(port)])
    assert f"Port {port} is taken" in capsys.readouterr().err and started


def test_a_missing_jupyterlab_is_a_sentence(
    started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main([]) == 1
    assert "pip install jupyterlab" in capsys.readouterr().err and not started


def test_a_folder_that_cannot_be_written_is_a_sentence(
    started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "lay_out", lambda folder: (_ for _ in ()).throw(PermissionError("read-only")))
    assert cli.main([]) == 1
    assert "read-only" in capsys.readouterr().err and not started


def test_an_installed_package_brings_its_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a wheel: the package has no notebooks folder beside it, the tour is one of its data files."""
    site, shared = tmp_path / "lib" / "site-packages", tmp_path / "share" / "nbviz" / "notebooks"
    record = site / "nbviz-0.1.0.dist-info"
    for folder in (record, shared):
        folder.mkdir(parents=True)
    (shared / cli.TOUR).write_text("{}")
    (record / "METADATA").write_text("Metadata-Version: 2.1\nName: nbviz\nVersion: 0.1.0\n")
    (record / "RECORD").write_text(f"nbviz/__init__.py,,\n../../share/nbviz/notebooks/{cli.TOUR},,\n")
    installed = metadata.PathDistribution(record)
    monkeypatch.setattr(version, "__file__", str(site / "nbviz" / "__init__.py"))
    monkeypatch.setattr(metadata, "files", lambda name: installed.files)
    assert cli.tour() == (shared / cli.TOUR).resolve()


def test_a_tour_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "__file__", str(tmp_path / "nbviz" / "__init__.py"))
    monkeypatch.setattr(metadata, "files", lambda name: [])
    with pytest.raises(FileNotFoundError, match=cli.TOUR):
        cli.tour()
