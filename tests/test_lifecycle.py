"""In a real kernel: one cell run fifty times grows neither widgets nor memory; other cells run meanwhile."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

SETUP = """
import torch, ctypes, gc, os, time
torch.set_num_threads(1)
from torch import nn
import nbviz, ipywidgets
torch.manual_seed(0)
body = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
net = nn.Sequential(*body, nn.Flatten(), nn.Linear(8, 4)).eval()
pictures = {name: torch.rand(3, 64, 64) for name in "abc"}
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
def state():
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):  # what is free, and kept by glibc for the next, is nobody's
        ctypes.CDLL(None).malloc_trim(0)
    print("state", len(ipywidgets.widgets.widget._instances), resident())
"""
SLOW = """
slow = nbviz.Explorer(net, pictures, method="integrated_gradients")
slow.selection.options = {"tolerance": 1e-9, "maximum": 2000}
"""
CELL = "explorer = nbviz.Explorer(net, pictures)\nexplorer"
Execute = Callable[[str], str]


@pytest.fixture(scope="module")
def execute() -> Iterator[Execute]:
    """Run code in a kernel; what it printed."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def run(code: str) -> str:
        printed: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "stream":
                printed.append(content["text"])
            elif message["msg_type"] == "error":
                raise AssertionError("\n".join(content["traceback"]))

        client.execute_interactive(code, output_hook=hear, timeout=120)
        return "".join(printed)

    run(SETUP)
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def state(execute: Execute) -> tuple[int, float]:
    line = next(line for line in execute("state()").splitlines() if line.startswith("state "))
    return int(line.split()[1]), float(line.split()[2])


def test_one_cell_run_fifty_times_grows_nothing(execute: Execute) -> None:
    for _ in range(20):  # until the allocator has all it needs for one
        execute(CELL)
    execute("explorer.wait(30)")
    widgets, memory = state(execute)
    for _ in range(40):
        execute(CELL)
    execute("explorer.wait(30)")
    after, memory_after = state(execute)
    assert after == widgets
    assert memory_after < memory + 25
    execute("explorer.close()")


def test_other_cells_run_while_the_explorer_computes(execute: Execute) -> None:
    execute(SLOW)
    begun = time.monotonic()
    printed = execute("print('computing', slow._events.scheduler.busy)")
    assert "computing True" in printed
    assert time.monotonic() - begun < 2
    execute("slow.close()")


def test_writing_the_selection_returns_at_once(execute: Execute) -> None:
    execute(SLOW)
    printed = execute(
        "begun = time.monotonic()\n"
        "for name in 'abcabcabc': slow.selection.image = name\n"
        "print('seconds', time.monotonic() - begun)"
    )
    assert float(printed.split()[1]) < 2
    execute("slow.close()")


def test_a_script_may_end_while_an_explorer_computes() -> None:
    code = (
        SETUP + CELL + ".selection.change(method='integrated_gradients', options={'maximum': 2000, 'tolerance': 1e-9})"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
