"""Layouts in a process of their own: the same as here, and ended as soon as nobody waits for them."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from nbviz.dataset import Atlas, Stopped
from nbviz.dataset.atlas import layout
from nbviz.dataset.atlas.layout import flattening
from nbviz.errors import NbvizError
from nbviz.pictures.samples import Items
from nbviz.session.context import LiveContext
from nbviz.session.requests.atlas import MapPictures
from nbviz.session.scheduler import Scheduler
from tests.dataset.atlas.test_atlas import Colours, network
from tests.session.test_scheduler import Listener


@pytest.fixture()
def processes(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """Every process that is started from now on; each layout takes one."""
    started: list[subprocess.Popen[bytes]] = []
    start = subprocess.Popen

    def watched(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(start(*args, **options))
        return started[-1]

    monkeypatch.setattr(layout.subprocess, "Popen", watched)
    monkeypatch.setattr(layout, "FEW", 50)
    return started


def points(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)


def last(steps: Any) -> np.ndarray:
    *_, answer = steps
    return answer


def test_a_process_lays_out_as_this_one_does(
    processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    state = random.getstate()
    apart = last(flattening(points(120), "tsne", 0))
    assert len(processes) == 1 and apart.shape == (120, 2) and 0 <= apart.min() <= apart.max() <= 1
    monkeypatch.setattr(layout, "FEW", 1000)
    assert np.array_equal(last(flattening(points(120), "tsne", 0)), apart) and len(processes) == 1
    assert random.getstate() == state


def test_without_an_interpreter_to_start_it_is_laid_out_here(
    processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for none in (None, "/no/such/python"):
        monkeypatch.setattr(sys, "executable", none)
        assert last(flattening(points(60), "tsne", 0)).shape == (60, 2) and not processes


def test_a_process_that_fails_is_said(processes: list[subprocess.Popen[bytes]]) -> None:
    with pytest.raises(NbvizError, match="could not be laid out: ValueError: Input X contains NaN"):
        last(flattening(points(60) * np.nan, "tsne", 0))


def test_cancel_of_a_script_ends_the_layout(processes: list[subprocess.Popen[bytes]]) -> None:
    with pytest.raises(Stopped) as stopped:
        Atlas.build(network(), Colours(), "1", 3, progress=False, cancel=lambda: bool(processes))
    assert len(processes) == 1 and processes[0].returncode is not None  # though the traceback is still at hand
    assert stopped.traceback


def test_cancel_of_the_explorer_ends_the_layout(processes: list[subprocess.Popen[bytes]]) -> None:
    model, begun = network(), threading.Event()

    class Cancelling(Listener):
        def answered(self, slot: str, request: Any, answer: Any, final: bool) -> None:
            if processes:
                begun.set()

    scheduler = Scheduler(LiveContext(model), Cancelling(), ["atlas"], threading.RLock())
    scheduler.submit("atlas", MapPictures("1", Items.ensure(Colours())))
    assert begun.wait(60) and scheduler.cancel("atlas")
    assert processes[0].wait(10) is not None
    assert scheduler.wait(0)
    scheduler.close()
