"""``nbviz teach``: JupyterLab with the course laid out; ``nbviz show``: one page for the projector, without code.

``nbviz teach --prepare`` makes the pictures that lessons ask students to look at (*Made*), and runs every lesson once:
what fails, fails before the class comes. Thirty students share one ``NBVIZ_CACHE``. It takes some minutes of one
core; run again after it was stopped, it makes only the pictures that are missing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbviz import cli

if TYPE_CHECKING:  # torch is imported only when pictures are made
    from nbviz.model.instrumented import InstrumentedModel

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
"""Voila's own."""
MADE: Mapping[str, Mapping[str, int | None]] = {
    "efficientnet_lite0": {"stem.0": None, "blocks.2": None, "blocks.4": None, "blocks.8": None, "head": 1},
    "fashion_cnn": {"blocks.5": None},
}
"""Network → layer that lessons open at *Made* → pages of its grid; None for all. All 1,280 channels of ``head`` would
take half an hour of one core, and no lesson turns its 54 pages."""
PAGE = 24
"""Pictures made at a time, each page kept when it is done."""
LONGEST = 1200
"""Seconds that one cell of a lesson may take while the course is prepared."""


def run(arguments: list[str]) -> int:
    """Run ``nbviz teach`` or ``nbviz show``; return an exit status where no server took this process's place."""
    options, more = cli.parse(_parser(), arguments)
    if cli.missing(options.server):
        return 1
    try:
        return options.work(options, more)
    except OSError as error:
        return cli.refuse(f"The course could not be written: {error}")
    except KeyboardInterrupt:
        cli.refuse("Stopped. What was made is in the cache: the same command goes on from there.")
        return 130


def lay_out(folder: Path) -> Path:
    """Copy tour, lessons and the teacher's pages into ``folder``, never over a file; return the first lesson's path."""
    for name in (cli.TOUR, *LESSONS, *(f"teaching/{name}" for name in TEACHING)):
        cli.lay_out(folder, name)
    return folder / LESSONS[0]


@dataclass(frozen=True)
class PageProgress:
    """Progress of the pictures: a layer is done."""

    network: str
    layer: str
    pictures: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.network}, {self.layer}: {self.pictures} pictures ({self.seconds:.0f} s)"


def make(wanted: Mapping[str, Mapping[str, int | None]] = MADE) -> Iterator[PageProgress]:
    """Make the pictures of layers' channels, a page of the grid at a time; those in the cache are only read.

    wanted: network → layer → pages, as in :data:`MADE`. Yields when a layer is done. OSError where the cache can't be
    written.
    """
    import nbviz
    from nbviz.features import making

    for network, layers in wanted.items():
        model = nbviz.zoo.load(network)
        for layer, pages in layers.items():
            began, channels = time.monotonic(), grid_order(model, layer)[: None if pages is None else PAGE * pages]
            for start in range(0, len(channels), PAGE):
                # not unpacked: that kept every page on the way, 3.1 GB once
                for made in making(model, layer, channels[start : start + PAGE]):
                    if "note" in made.facts:
                        raise OSError(made.facts["note"])
            yield PageProgress(network, layer, len(channels), time.monotonic() - began)


def grid_order(model: InstrumentedModel, layer: str) -> list[int]:
    """Return a layer's channels as the grid of a fresh Explorer orders them.

    First come those that add most to the likeliest class of the first photograph.
    """
    from nbviz import zoo
    from nbviz.model.target import Target
    from nbviz.pictures.load import load_pictures
    from nbviz.session.context import LiveContext
    from nbviz.session.requests.base import ChannelsAnswer, ChannelsRequest

    first = next(iter(load_pictures(zoo.photographs()).values()))
    channels: ChannelsAnswer = LiveContext(model).answer(ChannelsRequest(first, layer, Target.ensure("predicted")))
    order: list[int] = channels.order("class").tolist()
    return order


def rehearse(names: Sequence[str] = LESSONS) -> Iterator[tuple[str, float, str]]:
    """Run shipped lessons once each, as a class at the projector would.

    Yields (notebook, seconds, error's words or "") a lesson, when it is done. Nothing is left but the cache.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    from nbviz.lessons.guess import VARIABLE

    # as at the projector: a guess that nobody makes would stop the lesson
    settings = {**cli.environment(dict(os.environ), cli.cores()), VARIABLE: "1"}
    for name in names:
        notebook = nbformat.read(cli.shipped(name), as_version=4)
        began, words = time.monotonic(), ""
        # in a folder of its own: lessons write files, and none may stay
        with tempfile.TemporaryDirectory(prefix="nbviz-course-") as folder:
            where = {"metadata": {"path": folder}}
            quiet: dict[str, Any] = {"kernel_name": "python3", "extra_arguments": ["--log-level=ERROR"]}
            client = NotebookClient(notebook, timeout=LONGEST, resources=where, **quiet)
            try:
                client.execute(env=settings)
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
        help="make the pictures that lessons look at, run every lesson once, and stop. Set NBVIZ_CACHE to a folder "
        "that students can read, to share them",
    )
    teach.set_defaults(work=_teach, server="jupyterlab")
    show = commands.add_parser(
        "show",
        help="open one page for the projector",
        description="Open the Explorer as a page for the projector: large type, no code, arrow keys through pictures.",
        epilog="What follows -- goes to Voila as it is.",
    )
    show.set_defaults(work=_show, server="voila")
    for command, port in ((teach, cli.PORT), (show, APP_PORT)):
        command.add_argument("folder", nargs="?", type=Path, default=Path(), help="where notebooks go (default: here)")
        command.add_argument("--no-browser", action="store_true", help="open no browser window")
        command.add_argument("--port", type=int, help=f"the server's port (default {port})")
    return parser


def _teach(options: argparse.Namespace, more: list[str]) -> int:
    if options.prepare:
        return _prepare()
    return cli.open_lab(lay_out(options.folder.absolute()), not options.no_browser, options.port, more)


def _prepare() -> int:
    os.environ.update(cli.environment(dict(os.environ), cli.cores()))  # before torch is imported
    from nbviz.features.picture_cache import default_path

    for layer in make():
        print(layer, flush=True)
    folder = default_path()
    megabytes = sum(file.stat().st_size for file in folder.rglob("*.png")) / 1e6
    print(f"{folder} holds {megabytes:.1f} MB of pictures. Students share them with NBVIZ_CACHE set to it.", flush=True)
    failures = 0
    for name, seconds, words in rehearse():
        failures += bool(words)
        print(f"{name}: {words or 'runs'} ({seconds:.0f} s)", file=sys.stderr if words else sys.stdout, flush=True)
    return 1 if failures else 0


def _show(options: argparse.Namespace, more: list[str]) -> int:
    notebook = cli.lay_out(options.folder.absolute(), APP)
    port = options.port or APP_PORT
    if cli.busy(port):
        return cli.refuse(f"Port {port} is taken. Choose another: nbviz show --port {port + 1}")
    line = [sys.executable, "-m", "voila", str(notebook), f"--port={port}"]
    line += ["--no-browser"] if options.no_browser else []
    return cli.start([*line, *more], cli.environment(dict(os.environ), cli.cores()))
