"""JupyterLab and Voila as context managers, each with a home of its own.

Nothing of the person's own Jupyter is read or written: configuration, data, runtime, IPython and HOME all lie
in a temporary folder, the port is free, there is no token, and the news pop-up is off.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import nbformat

ROOT = Path(__file__).resolve().parents[2]
LAB = [
    "jupyterlab",
    "--allow-root",
    "--no-browser",
    "--IdentityProvider.token=",
    "--ServerApp.password=",
    "--ServerApp.disable_check_xsrf=True",
    "--ServerApp.port_retries=0",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.extension_manager=readonly",
]
VOILA = ["voila", "--no-browser", "--show_tracebacks=True"]
NEWS = "@jupyterlab/apputils-extension:announcements"
OURS = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")


@dataclass(frozen=True)
class Server:
    """A running server: its address and the folder it serves."""

    url: str
    folder: Path
    lab: bool = True

    def write(self, cells: list[str], name: str = "look.ipynb") -> str:
        """Write a notebook of these code cells into the served folder and return its name."""
        notebook = nbformat.v4.new_notebook()
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(notebook, self.folder / name)
        return name

    def sessions(self) -> list[dict[str, str]]:
        """The sessions, one a running kernel."""
        with urllib.request.urlopen(f"{self.url}/api/sessions", timeout=10) as answer:
            return list(json.load(answer))

    def shut_kernels(self) -> None:
        """End every kernel: each holds a torch and a network. Voila's end with its page."""
        for session in self.sessions() if self.lab else []:
            address = f"{self.url}/api/sessions/{session['id']}"
            urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=20).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(home: Path) -> dict[str, str]:
    """The person's environment with every Jupyter path inside `home` and torch held to one thread."""
    paths = {name: home / name.lower() for name in OURS}
    for path in paths.values():
        path.mkdir(parents=True, exist_ok=True)
    config = paths["JUPYTER_CONFIG_DIR"] / "labconfig"
    config.mkdir()
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {NEWS: True}}))
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    single = {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "1000", "PYTHONPATH": search}
    return {**os.environ, **{name: str(path) for name, path in paths.items()}, **single}


def _await(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    """Return once `url` answers; carry the server's own words when it ends or stays silent instead."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer at {url}:\n{log.read_text()[-3000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt politely (kernels end with their server), then end the whole group."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                continue


@contextmanager
def _serve(arguments: list[str], folder: str, ready: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="nbviz-", ignore_cleanup_errors=True) as name:
        home, port = Path(name), _free_port()
        work, log = home / "work", home / "log"
        work.mkdir()
        command = [sys.executable, "-m", *arguments, f"--port={port}", folder.format(work)]
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                cwd=work,
                env=_environment(home),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            _await(url + ready, process, log)
            yield Server(url, work, lab=arguments is LAB)
        finally:
            _stop(process)


@contextmanager
def jupyterlab() -> Iterator[Server]:
    """A JupyterLab of our own over an empty folder."""
    with _serve(LAB, "--ServerApp.root_dir={}", "/api/status") as server:
        yield server


@contextmanager
def voila() -> Iterator[Server]:
    """A Voila of our own over an empty folder."""
    with _serve(VOILA, "{}", "/") as server:
        yield server


def end_on_signal(stop: Callable[[], None]) -> None:
    """Turn SIGTERM into an ordinary exit, so that `finally` runs and no server is left behind."""

    def leave(number: int, frame: FrameType | None) -> None:
        stop()
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
