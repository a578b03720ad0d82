"""No edit of a value escapes, wherever it lies and however it is written."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from nbviz.replica.watching import thread_time, watch
from nbviz.replica.watching.contents import PIECE, Contents

LAYOUTS: dict[str, Callable[[], torch.Tensor]] = {
    "float32": lambda: torch.randn(64, 64, 3, 3),
    "bfloat16": lambda: torch.randn(64, 64, dtype=torch.bfloat16),
    "float64": lambda: torch.randn(33, 7, dtype=torch.float64),
    "complex": lambda: torch.randn(17, 5, dtype=torch.complex64),
    "bool": lambda: torch.rand(999) > 0.5,
    "int64": lambda: torch.arange(777),
    "channels last": lambda: torch.randn(8, 5, 3, 3).contiguous(memory_format=torch.channels_last),
    "columns": lambda: torch.randn(40, 60)[:, ::2],
    "column of doubles": lambda: torch.randn(40, 3, dtype=torch.float64)[:, 1],
    "diagonal of complex": lambda: torch.randn(5, 5, dtype=torch.complex64).diagonal(),
    "conjugate": lambda: torch.randn(30, dtype=torch.complex64).conj(),
    "expanded": lambda: torch.randn(5, 1).expand(5, 4),
    "one value": lambda: torch.tensor(3.0),
    "several pieces": lambda: torch.randn(2 * PIECE + 5),
    "columns of several pieces": lambda: torch.randn(2 * PIECE + 5, 2)[:, 1],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_one_value_counts(layout: str) -> None:
    tensor = LAYOUTS[layout]()
    contents = Contents([torch.zeros(3), tensor, torch.zeros(0), torch.ones(2)])
    before = contents.read()
    assert contents.read() == before and contents.changes == 0
    for place in {0, tensor.numel() // 2, tensor.numel() - 1}:
        where = torch.unravel_index(torch.tensor(place), tensor.shape) if tensor.dim() else ()
        tensor.data[where] = ~tensor[where] if tensor.dtype == torch.bool else tensor[where] + 1
        after = contents.read()
        assert after != before
        before = after


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_exchanged_and_masked_values_count(dtype: torch.dtype) -> None:
    masks = torch.ones(256, 64, dtype=dtype)
    contents, seen = Contents([masks]), set()
    for row in range(256):
        masks.data[row] = 0
        seen.add(contents.read())
        masks.data[row] = 1
    assert len(seen) == 256
    first, second = torch.arange(9).to(dtype), torch.arange(9, 18).to(dtype)
    masks.data[0, :9], masks.data[1, :9] = first, second
    before = contents.read()
    masks.data[0, :9], masks.data[1, :9] = second, first
    assert contents.read() != before


def test_reading_on_goes_round_and_finds_what_changed() -> None:
    tensor = torch.zeros(5 * PIECE)
    contents = Contents([tensor])
    contents.read()
    steps = [contents.read_on(0) for _ in range(10)]
    assert steps == [True, True, True, True, False] * 2 and contents.changes == 0
    tensor.data[3 * PIECE] = 1
    assert [contents.read_on(0) for _ in range(5)] and contents.changes == 1
    assert [contents.read_on(0) for _ in range(5)] and contents.changes == 1


def _net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 32, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())


EDITS: dict[str, Callable[[nn.Module], object]] = {
    "kernel": lambda net: net[2].weight.data[7, 3].fill_(2),
    "kernel, numpy": lambda net: net[2].weight.detach().numpy()[11, 5].fill(1),
    "filters": lambda net: net[2].weight.data[1::4].zero_(),
}


@pytest.mark.parametrize("how", EDITS)
def test_a_small_network_is_read_whole_at_every_look(how: str) -> None:
    net = _net()
    model = InstrumentedModel(net)
    before = model.fingerprint()
    assert model.fingerprint() == before
    EDITS[how](net)
    assert model.fingerprint() != before


@pytest.mark.parametrize("how", EDITS)
def test_a_large_network_is_read_after_another_thread_has_worked(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SMALL", 0)
    net = _net()
    model = InstrumentedModel(net)
    before = model.fingerprint()
    EDITS[how](net)
    found = []

    def look() -> None:  # a thread of its own, as the Explorer's worker: the test's is the user's
        while model.guest.read_on():
            pass
        found.append(model.fingerprint())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found[0] != before and model.fingerprint() == found[0]


@pytest.mark.parametrize("how", EDITS)
def test_a_large_network_is_read_whole_when_told_to(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SMALL", 0)
    net = _net()
    model = InstrumentedModel(net)
    before = model.fingerprint(reread=True)
    assert model.fingerprint(reread=True) == before
    EDITS[how](net)
    assert model.fingerprint(reread=True) != before


def test_a_change_that_shows_is_not_found_again_by_reading_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SMALL", 0)
    net = _net()
    model = InstrumentedModel(net)
    model.fingerprint()
    with torch.no_grad():
        net[2].weight.mul_(2)
    after = model.fingerprint()
    seen = watch.Watch(net)
    assert seen.contents() == seen.contents()
    model.guest.read_on()
    assert model.fingerprint() == after


def test_nothing_is_read_while_nothing_can_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SMALL", 0)
    read = []
    monkeypatch.setattr(Contents, "read_on", lambda self, seconds: read.append(1) or False)
    seen = watch.Watch(_net())
    turn, turns = threading.Barrier(2, timeout=60), []

    def look() -> None:
        for _ in range(3):
            turn.wait()
            seen.read_on()
            turns.append(len(read))
            turn.wait()

    monkeypatch.setattr("nbviz.replica.watching.thread_time._used", lambda but=None: dict(clock))
    clock = {1: 0.5}
    thread = threading.Thread(target=look)
    thread.start()
    for change in (False, True, False):
        clock[1] += 0.001 * change
        turn.wait()
        turn.wait()
    thread.join()
    assert turns == [1, 2, 2]


def test_our_own_threads_are_no_activity() -> None:
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, name=name) for name in ("nbviz worker", "a user's")]
    for thread in threads:
        thread.start()
    ours, theirs = (thread.native_id for thread in threads)
    try:
        everybody, users = thread_time._used(), thread_time._used(but=thread_time.OURS)
        assert {ours, theirs} <= everybody.keys()
        assert theirs in users and ours not in users
    finally:
        end.set()
