"""`nbviz teach`: JupyterLab with the course laid out; `nbviz show`: one page for the projector, without code.

`nbviz teach --prepare` runs every lesson once, so that what takes long (pictures made to drive channels, indexes) is
in the cache before a class comes. Thirty students share it by one `NBVIZ_CACHE`.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbviz import cli

LESSONS = (
    "02_what_a_filter_sees.ipynb",
    "03_from_edges_to_eyes.ipynb",
    "04_why_this_class.ipynb",
    "05_noise_and_the_way_from_black.ipynb",
    "06_from_cam_to_grad_cam.ipynb",
    "07_dreams.ipynb",
    "08_maps_that_lie.ipynb",
    "09_fooling_it.ipynb",
    "10_transformers_look_differently.ipynb",
    "11_your_own_network.ipynb",
)
TEACHING = ("README.md", "class_guesses.ipynb", *(f"lesson_{number:02}.md" for number in range(1, 11)))
APP = "app.ipynb"
APP_PORT = 8866
LONGEST = 1200
"""Seconds that one cell of a lesson may take while the course is prepared."""


def run(arguments: Sequence[str]) -> int:
    """Run `nbviz teach` or `nbviz show`; returns an exit status where no server took this process's place."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    options = _parser().parse_args(arguments[:cut])
    try:
        return options.work(options, list(arguments[cut + 1 :]))
    except OSError as error:
        return cli.refuse(f"The notebooks could not be laid in {options.folder.absolute()}: {error}")
    except KeyboardInterrupt:
        cli.refuse("Stopped. What was made is in the cache: the same command goes on from there.")
        return 130


def lay_out(folder: Path) -> Path:
    """Copy tour, lessons and the teacher's pages into `folder`, never over a file; returns the first lesson's path."""
    for name in (cli.TOUR, *LESSONS, *(f"teaching/{name}" for name in TEACHING)):
        cli.lay_out(folder, name)
    return folder / LESSONS[0]


def prepare(names: Sequence[str] = LESSONS) -> Iterator[tuple[str, float, str]]:
    """Run shipped lessons once each, as a class at the projector would.

    Yields (notebook, seconds, error's words or "") a lesson, when it is done. Nothing is left but the cache.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    from nbviz.lessons.guess import VARIABLE

    os.environ.update(cli.environment({**os.environ, VARIABLE: "1"}, cli.cores()))
    for name in names:
        notebook = nbformat.read(cli.shipped(name), as_version=4)
        began, words = time.monotonic(), ""
        with tempfile.TemporaryDirectory(prefix="nbviz-course-") as folder:
            where = {"metadata": {"path": folder}}
            client = NotebookClient(notebook, timeout=LONGEST, kernel_name="python3", resources=where)
            try:
                client.execute()
            except CellExecutionError as error:
                words = f"{error.ename}: {error.evalue}"
            except CellTimeoutError:
                words = f"a cell took more than {LONGEST} s"
        yield name, time.monotonic() - began, words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nbviz")
    commands = parser.add_subparsers(required=True, metavar="command")
    teach = commands.add_parser(
        "teach",
        help="open JupyterLab with the course",
        description="Open JupyterLab with the course. Tour, lessons and the teacher's pages are copied to the folder; "
        "a file that is there is never overwritten. Nothing is downloaded.",
        epilog="What follows -- goes to JupyterLab as it is.",
    )
    teach.add_argument(
        "--prepare",
        action="store_true",
        help="run every lesson once, so that a class waits for nothing, and stop. Set NBVIZ_CACHE to a folder that "
        "students can read to share what was made",
    )
    teach.set_defaults(work=_teach, port=None)
    show = commands.add_parser(
        "show",
        help="open one page for the projector",
        description="Open the Explorer as a page for the projector: large type, no code, arrow keys through pictures.",
        epilog="What follows -- goes to Voila as it is.",
    )
    show.set_defaults(work=_show)
    for command, port in ((teach, cli.PORT), (show, APP_PORT)):
        command.add_argument("folder", nargs="?", type=Path, default=Path(), help="where notebooks go (default: here)")
        command.add_argument("--no-browser", action="store_true", help="open no browser window")
        command.add_argument("--port", type=int, help=f"the server's port (default {port})")
    return parser


def _teach(options: argparse.Namespace, more: list[str]) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        return cli.refuse(f"JupyterLab is not installed beside {sys.executable}. pip install jupyterlab")
    if options.prepare:
        return _prepare()
    return cli.open_lab(lay_out(options.folder.absolute()), not options.no_browser, options.port, more)


def _prepare() -> int:
    from nbviz.features.picture_cache import default_path

    failures = 0
    for name, seconds, words in prepare():
        failures += bool(words)
        print(f"{name}: {words or 'ready'} ({seconds:.0f} s)", file=sys.stderr if words else sys.stdout, flush=True)
    print(f"What the lessons made is in {default_path()}. Students share it with NBVIZ_CACHE set to that folder.")
    return 1 if failures else 0


def _show(options: argparse.Namespace, more: list[str]) -> int:
    if importlib.util.find_spec("voila") is None:
        return cli.refuse(f"The page needs Voila, which is not installed beside {sys.executable}. pip install voila")
    notebook = cli.lay_out(options.folder.absolute(), APP)
    port = options.port or APP_PORT
    if cli.busy(port):
        return cli.refuse(f"Port {port} is taken. Choose another: nbviz show --port {port + 1}")
    line = [sys.executable, "-m", "voila", str(notebook), f"--port={port}"]
    line += ["--no-browser"] if options.no_browser else []
    return cli.start([*line, *more], cli.environment(dict(os.environ), cli.cores()))
