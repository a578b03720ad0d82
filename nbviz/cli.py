"""Command line ``nbviz``: JupyterLab, open on the tour; the course; and work that needs no browser.

The tour is copied to the current folder unless a file of that name is there already; what a person changed
in it is never overwritten. JupyterLab takes this process's place, so signals and exit status are its own.
torch is not imported here: ``--help`` answers at once, and the variables below must be set before torch is.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import os
import shutil
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from nbviz import version

TOUR = "01_tour.ipynb"
PORT = 8888
WORK = ("features", "index", "report", "compare", "audit")
COURSE = ("teach", "show")
SETTINGS = {
    # Busy-waiting OpenMP threads slow a kernel many times over as soon as another process wants the core.
    "GOMP_SPINCOUNT": "1000",
    # A heap a thread keeps what each has freed: half as much memory again for the same pictures.
    "MALLOC_ARENA_MAX": "1",
}


def tour() -> Path:
    """Return the tour's path: in the checkout, or among the files the installed package brought.

    Raises FileNotFoundError, naming both places, when it is in neither.
    """
    return shipped(TOUR)


def shipped(name: str) -> Path:
    """Return the path of a notebook of ours, as ``tour`` does; ``name`` may have folders: ``teaching/README.md``."""
    checkout = Path(version.__file__).parents[1] / "notebooks" / name
    if checkout.exists():
        return checkout
    for file in _installed_files():
        if file.as_posix().endswith(f"nbviz/notebooks/{name}") and Path(str(file.locate())).exists():
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError(
        f"The notebook {name} is neither at {checkout} nor among nbviz's installed files; install nbviz again."
    )


def _installed_files() -> list[metadata.PackagePath]:
    try:
        return metadata.files("nbviz") or []
    except metadata.PackageNotFoundError:
        return []


def lay_out(folder: Path, name: str = TOUR) -> Path:
    """Copy a notebook of ours into ``folder`` unless something of its name is there; return its path."""
    place = folder / name
    if not os.path.lexists(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shipped(name), place)
    return place


def cores(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Count the cores really available: the scheduler's affinity, bounded by the cgroup's quota (v2, else v1)."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(given, _quota(root) or given))


def _quota(root: Path) -> int | None:
    """Return the whole cores of the cgroup's quota, rounded down (at least one), or None where there is no limit."""
    two, one = root / "cpu.max", root / "cpu" / "cpu.cfs_quota_us"
    if two.is_file():
        quota, period = two.read_text().split()[:2]
    elif one.is_file():
        quota, period = one.read_text().strip(), (one.parent / "cpu.cfs_period_us").read_text().strip()
    else:
        return None
    return None if quota in ("max", "-1") else max(1, math.floor(int(quota) / int(period)))


def environment(given: dict[str, str], threads: int) -> dict[str, str]:
    """Return ``given`` with the variables for the server's kernels; what is already set stays."""
    return {**SETTINGS, "OMP_NUM_THREADS": str(threads), **given}


def busy(port: int) -> bool:
    """Return whether something on this machine listens on ``port`` already."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def command(notebook: Path, browser: bool, port: int | None, more: list[str]) -> list[str]:
    """Return the command line that starts JupyterLab on ``notebook``; ``port`` None: as it is configured.

    The notebook is the default address and not an argument, so that the address printed for people without a
    browser on this machine leads to it too.
    """
    options = [f"--ServerApp.root_dir={notebook.parent}", f"--LabApp.default_url=/lab/tree/{notebook.name}"]
    options += [] if port is None else [f"--port={port}"]
    options += [] if browser else ["--no-browser"]
    # JupyterLab refuses root unless told; in a container there is often nobody else.
    options += ["--allow-root"] if is_root() else []
    return [sys.executable, "-m", "jupyterlab", *options, *more]


def is_root() -> bool:
    """Return whether this process is the administrator's."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def start(line: list[str], settings: dict[str, str]) -> int:
    """Become the program of ``line`` where a process can; elsewhere (Windows) wait for it."""
    if os.name == "nt":
        return subprocess.call(line, env=settings)
    os.execve(line[0], line, settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nbviz",
        description=f"Open JupyterLab on nbviz's tour. {TOUR} is copied to this folder if it isn't there.",
        epilog="nbviz teach and show (each with --help): the course, and a page for the projector. "
        "nbviz features, index, report and compare: commands without a browser; nbviz audit signs a report off. "
        "What follows -- goes to JupyterLab as it is:  nbviz -- --ServerApp.token=secret",
    )
    parser.add_argument("--version", action="version", version=f"nbviz {version.__version__}")
    parser.add_argument("--no-browser", action="store_true", help="start JupyterLab, open no browser window")
    parser.add_argument("--port", type=int, help=f"JupyterLab's port (default {PORT})")
    return parser


def parse(parser: argparse.ArgumentParser, arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Split the arguments into our options and the server's: all that follows a first ``--``."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    return parser.parse_args(arguments[:cut]), arguments[cut + 1 :]


def refuse(sentence: str) -> int:
    """Print a sentence where errors go; return the exit status of a refusal."""
    print(sentence, file=sys.stderr)
    return 1


def missing(package: str) -> bool:
    """Return whether a server is not installed, after a sentence that says so."""
    if importlib.util.find_spec(package) is not None:
        return False
    refuse(f"This needs {package}, which is not installed beside {sys.executable}. pip install {package}")
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return an exit status, for JupyterLab only where it could not be started."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments and arguments[0] in WORK:
        os.environ.update(environment(dict(os.environ), cores()))  # before torch is imported
        return importlib.import_module("nbviz.commands").run(arguments, _open_there)
    if arguments and arguments[0] in COURSE:
        return importlib.import_module("nbviz.course").run(arguments)
    options, more = parse(_parser(), arguments)
    if missing("jupyterlab"):
        return 1
    try:
        notebook = lay_out(Path.cwd())
    except OSError as error:
        return refuse(f"The tour could not be laid in {Path.cwd()}: {error}")
    return open_lab(notebook, not options.no_browser, options.port, more)


def _open_there(notebook: Path, browser: bool, port: int | None) -> int:
    """Become JupyterLab on a notebook, where it is installed."""
    return 1 if missing("jupyterlab") else open_lab(notebook, browser, port, [])


def open_lab(notebook: Path, browser: bool, port: int | None, more: list[str]) -> int:
    """Become JupyterLab, open on ``notebook``; a port that is taken is named, and the next free one is used."""
    if busy(port or PORT):
        print(f"Port {port or PORT} is taken; JupyterLab looks for the next free one.", file=sys.stderr)
    return start(command(notebook, browser, port, more), environment(dict(os.environ), cores()))
