"""What a forward writes to outside of its network is as it was after each pass, and each pass begins with it."""

from __future__ import annotations

import functools
import itertools
import os
import threading
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture, state_hash

calls = 0
log: list[float] = []
settings = {"scale": 1.0, "nested": {"calls": [0]}}
stats = types.SimpleNamespace(n=0)
statistics = torch.zeros(3)


@functools.lru_cache
def cached(size: int) -> torch.Tensor:
    """A table that is made once."""
    return torch.ones(size)


numbers = itertools.count(1)


class Counter:
    """A descriptor that counts how often it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def __get__(self, net: Any, kind: Any = None) -> int:
        self.reads += 1
        return self.reads


class Writes(nn.Module):
    """Scales its picture by what ``write`` returns, which writes somewhere outside."""

    calls = 0
    recent: list[int] = []
    reads = Counter()
    pairs = zip(iter("abcdefgh"), itertools.count(1), strict=False)

    def __init__(self, write: Callable[[Any], float]) -> None:
        super().__init__()
        self.body, self.write = build("plain"), write

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x * (1 + self.write(self)))

    @classmethod
    def count(cls) -> int:
        """Count on the class."""
        cls.calls += 1
        return cls.calls

    @functools.lru_cache(maxsize=4)  # noqa: B019 - it is what is tested
    def table(self, size: int) -> torch.Tensor:
        """A table that is made once for a network."""
        return torch.ones(size)


def _global(_: Any) -> float:
    global calls, made
    calls += 1
    made = calls
    return calls


def _helper(net: Any) -> float:
    return _global(net) + _global(net)


def _containers(_: Any) -> float:
    log.append(1.0)
    settings["nested"]["calls"][0] += 1  # type: ignore[index]
    settings["scale"] += 1  # type: ignore[operator]
    stats.n += 1
    return len(log) + settings["scale"] + settings["nested"]["calls"][0] + stats.n  # type: ignore[index, operator]


def _class(net: Any) -> float:
    type(net).calls += 1
    Writes.calls += 1
    net.recent.append(1)
    setattr(type(net), "made", len(net.recent))  # noqa: B010 - it is what is tested
    return net.calls + type(net).made + net.count()


def _cached(net: Any) -> float:
    return float(cached(3).sum() + net.table(2).sum())


def _iterators(net: Any) -> float:
    return next(numbers) + next(net.pairs)[1] + net.reads


def _function(net: Any) -> float:
    _function.calls = getattr(_function, "calls", 0) + 1  # type: ignore[attr-defined]
    return _function.calls  # type: ignore[attr-defined]


def _settings(_: Any) -> float:
    seen = float("NBVIZ_TEST" in os.environ) + float(torch.get_default_dtype() == torch.float64)
    os.environ["NBVIZ_TEST"] = "1"
    os.chdir("/")
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
    warnings.simplefilter("ignore")
    np.set_printoptions(precision=3)
    return seen


WRITES = [_global, _helper, _containers, _class, _cached, _iterators, _function, _settings]


def _outside() -> list[Any]:
    """Describe all of it."""
    kept = [calls, list(log), repr(settings), stats.n, "made" in globals(), Writes.calls, list(Writes.recent)]
    kept += [repr(numbers), repr(vars(Writes)["pairs"].__reduce__()[1][1]), vars(Writes)["reads"].reads]
    kept += [hasattr(Writes, "made"), cached.cache_info(), Writes.table.cache_info(), dict(vars(_function))]
    process = [dict(os.environ), os.getcwd(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled()]
    return [kept, process, torch.backends.cudnn.benchmark, list(warnings.filters), np.get_printoptions()]


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_all_is_as_it_was_and_answers_repeat(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    net, before = Writes(write).eval(), _outside()
    state = state_hash(net)
    model = InstrumentedModel(net)
    answers = [model(picture()).detach() for _ in range(2)]
    thread = threading.Thread(target=lambda: answers.append(model(picture()).detach()))
    thread.start()
    thread.join()
    nbviz.attribute(model, picture(), 1, "occlusion", stride=8, window=8)
    assert _outside() == before and state_hash(net) == state
    assert len(answers) == 3 and all(torch.equal(answer, answers[0]) for answer in answers)
    wanted = _alone(net)
    assert torch.equal(answers[0].double(), wanted.double())


def _alone(net: nn.Module) -> torch.Tensor:
    """Return what the network says by itself, and put back what that writes: here it is known."""
    global calls, numbers
    process = dict(os.environ), os.getcwd(), list(warnings.filters), np.get_printoptions()
    benchmark = torch.backends.cudnn.benchmark
    try:
        return net(picture()).detach()
    finally:
        calls, Writes.calls, stats.n = 0, 0, 0
        log.clear()
        Writes.recent.clear()
        settings.update(scale=1.0, nested={"calls": [0]})
        for home, name in ((globals(), "made"), (vars(_function), "calls")):
            home.pop(name, None)
        if hasattr(Writes, "made"):
            del Writes.made
        cached.cache_clear()
        Writes.pairs = zip(iter("abcdefgh"), itertools.count(1), strict=False)
        numbers, vars(Writes)["reads"].reads = itertools.count(1), 0
        Writes.table.cache_clear()
        os.environ.pop("NBVIZ_TEST", None)
        os.chdir(process[1])
        warnings.filters[:] = process[2]  # type: ignore[index]
        np.set_printoptions(**process[3])
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.benchmark = benchmark


class Counted(nn.Module):
    """Counts its calls in its own class, by a method that its children inherit."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        type(self).calls += 1
        return x


def test_what_each_class_has_of_its_own_is_put_back() -> None:
    class First(Counted):
        calls = 0

    class Second(Counted):
        calls = 0

    model = InstrumentedModel(nn.Sequential(First(), Second(), build("inplace")))
    for _ in range(2):
        model.logits(picture())
        assert (First.calls, Second.calls) == (0, 0)


def test_the_user_is_told_what_is_put_back() -> None:
    model = InstrumentedModel(Writes(_class).eval())
    model.predict(picture())
    assert any("Writes.calls" in note and "put back after each pass" in note for note in model.guest.notes)
    quiet = InstrumentedModel(build("plain").eval())
    quiet.predict(picture())
    assert not any("put back" in note for note in quiet.guest.notes)


def test_a_global_that_is_only_read_is_left_to_whoever_writes_it() -> None:
    """Catches putting back what another cell wrote while a pass ran."""

    def read(net: Any) -> float:
        other = threading.Thread(target=_set_calls, args=(5,))
        other.start()
        other.join()
        return 0.0 * calls

    try:
        InstrumentedModel(Writes(read).eval()).predict(picture())
        assert calls == 5
    finally:
        _set_calls(0)


def _set_calls(value: int) -> None:
    global calls
    calls = value


def test_a_tensor_of_a_global_is_refused_before_it_is_written() -> None:
    def write(_: Any) -> float:
        return float(statistics.add_(1).sum())

    with pytest.raises(Refused, match="global variable statistics holds.*register_buffer"):
        InstrumentedModel(Writes(write).eval()).predict(picture())
    assert not statistics.any()


def test_a_file_elsewhere_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches a working directory that is put back to where it was at first contact, not at the pass."""
    model = InstrumentedModel(Writes(_settings).eval())
    monkeypatch.setenv("NBVIZ_TEST", "0")
    with monkeypatch.context() as context:
        context.chdir(tmp_path)
        model.predict(picture())
        assert Path.cwd() == tmp_path and os.environ["NBVIZ_TEST"] == "0"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that somebody is in")
def test_a_network_opens_where_the_working_directory_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    with monkeypatch.context() as context:
        context.chdir(gone)
        gone.rmdir()
        assert InstrumentedModel(build("inplace")).predict(picture())
