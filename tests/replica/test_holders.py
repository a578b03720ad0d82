"""A forward that takes from iterators, queues, streams and counters of Python's own leaves the user's alone."""

from __future__ import annotations

import array
import contextvars
import functools
import io
import itertools
import queue
import threading
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nbviz.errors import Refused
from nbviz.model.instrumented import InstrumentedModel
from tests.networks import build, picture, state_hash

Take = Callable[[Any], float]
level: contextvars.ContextVar[int] = contextvars.ContextVar("level", default=0)
shared = torch.Generator().manual_seed(5)


class Counter:
    """A helper with a lock, a queue and an iterator."""

    def __init__(self) -> None:
        self.lock, self.queue, self.count = threading.Lock(), queue.LifoQueue[int](), itertools.count(1)
        self.queue.put(3)

    def __call__(self) -> float:
        with self.lock:
            self.queue.put(self.queue.get() + 1)
            return next(self.count) + self.queue.queue[0]


class Takes(nn.Module):
    """Scales its picture by what ``take`` takes from one of the things it holds."""

    def __init__(self, take: Take) -> None:
        super().__init__()
        self.body, self.take = build("plain"), take
        self.count, self.items = itertools.count(1), iter([1.0, 2.0, 3.0])
        self.pairs, self.cycle = zip(self.items, self.count, strict=False), itertools.cycle([1.0, 2.0])
        self.keys, self.mapped = iter({1: 2, 3: 4}), map(float, [1, 2, 3])
        self.bytes, self.numbers = bytearray(b"\x01"), array.array("d", [1.0])
        self.view, self.text, self.binary = memoryview(self.bytes), io.StringIO("ab\ncd\n"), io.BytesIO(b"1234")
        self.queue, self.local, self.counter = queue.Queue[float](), threading.local(), Counter()
        self.queue.put(1.0)
        self.local.n = 0
        self.stream, self.cached = torch.Generator().manual_seed(3), functools.lru_cache(float)
        self.generator, self.simple = (i for i in range(3)), queue.SimpleQueue[int]()
        self.file: Any = io.StringIO()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x * (1 + self.take(self)))

    def held(self) -> list[Any]:
        """Describe all that a forward may move, moving nothing of it."""
        iterators = [self.count, self.items, self.cycle, self.keys, self.mapped, self.counter.count]
        made = [repr(getattr(it, "__reduce__")()[1:]) for it in (self.count, self.items, self.counter.count)]  # noqa: B009
        texts = [bytes(self.bytes), self.numbers.tolist(), self.text.__getstate__(), self.binary.__getstate__()]
        queues = [list(self.queue.queue), list(self.counter.queue.queue), self.local.n, self.simple.qsize()]
        states = [self.stream.get_state().tolist(), shared.get_state().tolist()]
        others = [self.cached.cache_info(), self.generator.gi_frame.f_lasti, level.get(), np.geterr()]
        hints = [getattr(it, "__length_hint__", int)() for it in iterators]
        return [made, texts, queues, states, others, hints]


def _bytes(net: Any) -> float:
    net.bytes[0] += 1
    return net.view[0]


def _numbers(net: Any) -> float:
    net.numbers.append(1.0)
    net.numbers[0] += 1
    return sum(net.numbers)


def _text(net: Any) -> float:
    net.text.read(2)
    net.text.write("xy")
    return net.text.tell() + len(net.binary.read(1)) + net.binary.tell()


def _queue(net: Any) -> float:
    taken = net.queue.get()
    net.queue.put(taken + 5)
    return taken


def _local(net: Any) -> float:
    net.local.n += 1
    return net.local.n


def _variable(net: Any) -> float:
    level.set(level.get() + 1)
    np.seterr(all="raise")
    return level.get()


def _reseeded(net: Any) -> float:
    first = torch.rand((), generator=net.stream)
    net.stream.manual_seed(7)
    return float(first + torch.rand((), generator=net.stream))


TAKES: dict[str, Take] = {
    "count": lambda net: next(net.count),
    "list iterator": lambda net: next(net.items),
    "pairs of iterators": lambda net: sum(next(net.pairs)) + next(net.count),
    "cycle": lambda net: next(net.cycle),
    "keys": lambda net: next(net.keys),
    "map": lambda net: next(net.mapped),
    "bytes and a view of them": _bytes,
    "array": _numbers,
    "texts": _text,
    "queue": _queue,
    "thread-local": _local,
    "helper with a lock": lambda net: net.counter(),
    "context variables": _variable,
    "own generator": lambda net: float(torch.rand((), generator=net.stream) + torch.rand((), generator=net.stream)),
    "own generator, seeded": _reseeded,
    "somebody's generator": lambda net: float(torch.rand((), generator=shared)),
    "cached function": lambda net: net.cached(2),
}


@pytest.mark.parametrize("how", TAKES)
def test_what_it_takes_from_is_where_it_was_and_answers_repeat(how: str) -> None:
    net, twin, x = Takes(TAKES[how]).eval(), Takes(TAKES[how]).eval(), picture()
    before = shared.get_state()
    wanted = contextvars.copy_context().run(twin, x).detach()
    shared.set_state(before)
    held, state = net.held(), state_hash(net)
    model = InstrumentedModel(net)
    answers = [model(x).detach() for _ in range(3)]
    thread = threading.Thread(target=lambda: answers.append(model(x).detach()))
    thread.start()
    thread.join()
    assert len(answers) == 4 and all(torch.equal(answer, wanted) for answer in answers)
    assert net.held() == held and state_hash(net) == state


@pytest.mark.parametrize(("name", "kind"), [("generator", "generator"), ("simple", "SimpleQueue")])
def test_what_no_copy_can_be_made_of_is_refused_untouched(name: str, kind: str) -> None:
    take: Take = lambda net: next(net.generator) if name == "generator" else net.simple.get_nowait()  # noqa: E731
    net = Takes(take).eval()
    held = net.held()
    with pytest.raises(Refused, match=f"uses a {kind} that it holds.* in forward"):
        InstrumentedModel(net).predict(picture())
    assert net.held() == held


def test_a_file_gets_nothing_of_what_a_pass_writes(tmp_path: Path) -> None:
    net = Takes(lambda net: net.file.write("seen") * 0.25).eval()
    with (tmp_path / "log.txt").open("w") as net.file:
        model = InstrumentedModel(net)
        assert torch.equal(model(picture()), build("plain").eval()(picture() * 2))
        assert net.file.tell() == 0
        net(picture())  # the user's own forward writes
        assert net.file.tell() == 4


EDITS: dict[str, tuple[Take, Callable[[Any], Any]]] = {
    "count": (TAKES["count"], lambda net: next(net.count)),
    "list iterator": (TAKES["list iterator"], lambda net: next(net.items)),
    "bytes": (TAKES["bytes and a view of them"], lambda net: net.bytes.__setitem__(0, 9)),
    "text": (TAKES["texts"], lambda net: net.text.seek(4)),
    "generator": (TAKES["own generator"], lambda net: net.stream.manual_seed(8)),
    "generator drawn from": (TAKES["own generator"], lambda net: torch.rand(3, generator=net.stream)),
}


@pytest.mark.parametrize("how", EDITS)
def test_it_is_followed_when_the_user_moves_it(how: str) -> None:
    """Catches a copy that goes on from where the user's stood at first contact."""
    take, edit = EDITS[how]
    net, twin = Takes(take).eval(), Takes(take).eval()
    model = InstrumentedModel(net)
    said, before = model(picture()).detach(), model.fingerprint()
    edit(net)
    edit(twin)
    assert model.fingerprint() != before
    answer = model(picture()).detach()
    assert torch.equal(answer, twin(picture())) and not torch.equal(answer, said)


class HoldsWeakly(nn.Module):
    """Calls its batch norm through a collection that holds it weakly, or a view of one."""

    def __init__(self, hold: Callable[[nn.Module], Any], take: Callable[[Any], nn.Module]) -> None:
        super().__init__()
        self.bn, self.body, self.take = nn.BatchNorm2d(3), build("plain"), take
        self.held = hold(self.bn)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(self.take(self.held)(x))


WEAK: dict[str, tuple[Callable[[nn.Module], Any], Callable[[Any], nn.Module]]] = {
    "values": (lambda bn: weakref.WeakValueDictionary({"a": bn}), lambda held: held["a"]),
    "keys": (lambda bn: weakref.WeakKeyDictionary({bn: 1}), lambda held: next(iter(held))),
    "set": (lambda bn: weakref.WeakSet([bn]), lambda held: next(iter(held))),
    "read-only dictionary": (lambda bn: types.MappingProxyType({"a": bn}), lambda held: held["a"]),
    "iterator": (lambda bn: iter([bn]), next),
}


@pytest.mark.parametrize("how", WEAK)
def test_a_layer_held_weakly_or_in_an_iterator_is_the_replicas(how: str) -> None:
    net = HoldsWeakly(*WEAK[how])
    wanted = HoldsWeakly(*WEAK[how]).eval()
    wanted.load_state_dict(net.state_dict())
    before = state_hash(net)
    model = InstrumentedModel(net)
    assert "bn" in model.trace(picture()).layers
    assert torch.equal(model(picture()), wanted(picture())) and state_hash(net) == before
