"""The Explorer: start-up, and what a click costs in the kernel, in time and in bytes sent to the page."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch

CLICKS = 7


def rows() -> Iterator[str]:
    """A line a figure, each beside one forward of the same run."""
    yield from _imports()
    import ipywidgets

    import nbviz

    sent = _counted(ipywidgets)
    nbviz.Explorer().close()
    begun = time.perf_counter()
    explorer = nbviz.Explorer()
    opened = time.perf_counter() - begun
    first = _first_picture(explorer, begun)
    explorer.wait()
    whole = time.perf_counter() - begun
    forward = _forward(explorer)
    yield f"Explorer(), imports warm: back in {opened:.2f} s, first picture {first:.2f} s (≤ 3), all {whole:.2f} s"
    yield f"one forward of the same network {1000 * forward:.0f} ms"
    for what, act in _clicks(explorer):
        yield _line(what, explorer, act, sent, forward)
    explorer.close()


def _imports() -> Iterator[str]:
    for module in ("nbviz", "torch", "nbviz.explorer"):
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        seconds = [float(subprocess.check_output([sys.executable, "-W", "ignore", "-c", code])) for _ in range(3)]
        yield f"import {module:<16} {median(seconds):5.2f} s"


def _counted(ipywidgets: Any) -> list[int]:
    """Counts the bytes of every message to the page: text and buffers."""
    count, send = [0], ipywidgets.Widget._send

    def counted(self: Any, message: Any, buffers: Any = None) -> None:
        count[0] += len(json.dumps(message, default=str)) + sum(len(memoryview(b)) for b in buffers or ())
        send(self, message, buffers)

    ipywidgets.Widget._send = counted
    return count


def _first_picture(explorer: Any, begun: float) -> float:
    while not explorer.attribution is not None or explorer.panels["channels"].page:
        time.sleep(0.002)
    return time.perf_counter() - begun


def _forward(explorer: Any) -> float:
    x = explorer.model.input(explorer.pictures["cat"])
    seconds = []
    for _ in range(CLICKS):
        begun = time.perf_counter()
        with torch.no_grad():
            explorer.model.net(x)
        seconds.append(time.perf_counter() - begun)
    return median(seconds)


def _clicks(explorer: Any) -> Iterator[tuple[str, Callable[[int], None]]]:
    chosen = explorer.selection
    chosen.method = "grad_cam"
    layers = [f"blocks.{block}.body.{part}" for block in range(1, 11) for part in (0, 1, 2)]

    def layer(number: int) -> None:
        chosen.layer = layers[number]

    def target(number: int) -> None:
        chosen.target = 300 + number

    def picture(number: int) -> None:
        chosen.image = list(explorer.pictures)[number % 5]

    yield "a layer, new", layer
    yield "a layer, seen", layer
    yield "a class, new", target
    yield "a class, seen", target
    yield "a picture", picture


def _line(what: str, explorer: Any, act: Callable[[int], None], sent: list[int], forward: float) -> str:
    seconds, sizes = [], []
    for number in range(CLICKS):
        explorer.wait()
        time.sleep(0.05)
        before, begun = sent[0], time.perf_counter()
        act(number)
        explorer.wait()
        seconds.append(time.perf_counter() - begun)
        sizes.append(sent[0] - before)
    limit = "≤ 100 ms, ≤ 150 kB" if "seen" in what else ""
    time_words = f"{1000 * median(seconds):6.0f} ms (longest {1000 * max(seconds):.0f})"
    size_words = f"{median(sizes) / 1000:5.0f} kB (largest {max(sizes) / 1000:.0f})"
    return f"click on {what:<16} {time_words} {median(seconds) / forward:5.2f} × one forward, {size_words} {limit}"
