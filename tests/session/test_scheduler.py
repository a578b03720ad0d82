"""Latest wins, stale is never shown, errors stay in their slot, cancel and close stop the work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from nbviz.session.context import LiveContext
from nbviz.session.inline import InlineRunner
from nbviz.session.scheduler import Scheduler


class Model:
    """A model that can be moved to another version."""

    version = 0

    def fingerprint(self) -> int:
        return self.version


@dataclass(frozen=True)
class Count:
    """Yields 0 … steps−1, each after ``seconds``; answers carry the request's name."""

    name: str
    steps: int = 1
    seconds: float = 0.0
    log: list[str] = field(default_factory=list, compare=False)
    gate: Any = field(default=None, compare=False)

    def __call__(self, context: Any) -> Iterator[Any]:
        self.log.append("begun")
        try:
            for step in range(self.steps):
                if self.gate is not None:
                    self.gate.wait(5)
                time.sleep(self.seconds)
                if self.name == "raises":
                    raise ValueError("no such thing")
                done = (step + 1) / self.steps
                yield SimpleNamespace(name=self.name, attribution=SimpleNamespace(done=done))
        finally:
            self.log.append("ended")


class Listener:
    """Remembers what it was told, and checks that it is told under the lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.events: list[tuple[Any, ...]] = []
        self.wanted: dict[str, str] = {}
        self.stale: list[str] = []

    def waiting(self, slot: str) -> None:
        self.events.append(("waiting", slot))

    def answered(self, slot: str, request: Any, answer: Any, final: bool) -> None:
        if slot in self.wanted and self.wanted[slot] != answer.name:
            self.stale.append(answer.name)
        self.events.append(("answered", slot, answer.name, answer.attribution.done, final))

    def failed(self, slot: str, request: Any, error: BaseException) -> None:
        self.events.append(("failed", slot, str(error)))

    def settled(self) -> None:
        self.events.append(("settled",))

    def idle(self) -> bool:
        self.events.append(("idle",))
        return False

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == kind]


@pytest.fixture
def parts() -> Iterator[tuple[Scheduler, Listener, Model]]:
    listener, model = Listener(), Model()
    scheduler = Scheduler(LiveContext(model), listener, ["quick", "slow"], listener.lock)  # type: ignore[arg-type]
    yield scheduler, listener, model
    scheduler.close()


def test_flood_shows_the_latest_and_never_a_stale_one(parts: Any) -> None:
    scheduler, listener, _ = parts
    for number in range(100):
        with listener.lock:
            listener.wanted["slow"] = str(number)
            scheduler.submit("slow", Count(str(number), steps=3, seconds=0.001))
        if number % 10 == 0:
            time.sleep(0.004)
    assert scheduler.wait(10)
    assert listener.stale == []
    assert listener.of("answered")[-1] == ("answered", "slow", "99", 1.0, True)
    assert len(listener.of("answered")) < 100


def test_same_request_is_not_answered_again(parts: Any) -> None:
    scheduler, listener, _ = parts
    log: list[str] = []
    for _ in range(3):
        scheduler.submit("quick", Count("a", log=log))
        assert scheduler.wait(5)
    assert log == ["begun", "ended"]
    assert len(listener.of("answered")) == 1


def test_going_back_computes_nothing(parts: Any) -> None:
    scheduler, listener, _ = parts
    log: list[str] = []
    for name in ("a", "b", "a"):
        scheduler.submit("quick", Count(name, log=log))
        assert scheduler.wait(5)
    assert log == ["begun", "ended"] * 2
    assert [event[2] for event in listener.of("answered")] == ["a", "b", "a"]


def test_a_changed_model_forgets(parts: Any) -> None:
    scheduler, _, model = parts
    log: list[str] = []
    scheduler.submit("quick", Count("a", log=log))
    assert scheduler.wait(5)
    model.version = 1
    scheduler.submit("quick", Count("a", log=log), renew=True)
    assert scheduler.wait(5)
    assert log == ["begun", "ended"] * 2


def test_quick_slots_are_served_while_a_slow_one_runs(parts: Any) -> None:
    scheduler, listener, _ = parts
    scheduler.submit("slow", Count("s", steps=40, seconds=0.01))
    time.sleep(0.05)
    scheduler.submit("quick", Count("q"))
    assert scheduler.wait(10)
    finals = [event[2] for event in listener.of("answered") if event[4]]
    assert finals == ["q", "s"]


def test_partials_go_out_at_most_ten_times_a_second(parts: Any) -> None:
    scheduler, listener, _ = parts
    begun = time.monotonic()
    scheduler.submit("slow", Count("s", steps=300, seconds=0.001))
    assert scheduler.wait(10)
    seconds = time.monotonic() - begun
    assert 1 <= len(listener.of("answered")) <= 10 * seconds + 2
    assert listener.events[-2:] == [("answered", "slow", "s", 1.0, True), ("settled",)]


def test_an_error_stays_in_its_slot(parts: Any) -> None:
    scheduler, listener, _ = parts
    scheduler.submit("slow", Count("raises"))
    scheduler.submit("quick", Count("q"))
    assert scheduler.wait(5)
    assert listener.of("failed") == [("failed", "slow", "no such thing")]
    assert [event[2] for event in listener.of("answered")] == ["q"]


def test_an_error_in_painting_is_told_and_the_worker_lives(parts: Any) -> None:
    scheduler, listener, _ = parts
    listener.answered = lambda *_: 1 / 0  # type: ignore[method-assign]
    scheduler.submit("quick", Count("a"))
    assert scheduler.wait(5)
    del listener.answered
    assert listener.of("failed") == [("failed", "quick", "division by zero")]
    scheduler.submit("quick", Count("b"))
    assert scheduler.wait(5)
    assert [event[2] for event in listener.of("answered")] == ["b"]


def test_cancel_drops_the_work_and_closes_its_generator(parts: Any) -> None:
    scheduler, listener, _ = parts
    log: list[str] = []
    scheduler.submit("slow", Count("s", steps=1000, seconds=0.01, log=log))
    time.sleep(0.05)
    assert scheduler.cancel("slow")
    assert scheduler.wait(5)
    time.sleep(0.1)
    assert log == ["begun", "ended"]
    assert not [event for event in listener.of("answered") if event[4]]
    assert not scheduler.cancel("slow")


def test_cancelled_work_can_be_asked_for_again(parts: Any) -> None:
    scheduler, listener, _ = parts
    request = Count("s", steps=5, seconds=0.01)
    scheduler.submit("slow", request)
    scheduler.cancel("slow")
    scheduler.submit("slow", request)
    assert scheduler.wait(5)
    assert listener.of("answered")[-1][4] is True


def test_submit_returns_at_once_while_work_runs(parts: Any) -> None:
    scheduler, _, _ = parts
    gate = threading.Event()
    scheduler.submit("slow", Count("s", gate=gate))
    begun = time.monotonic()
    scheduler.submit("slow", Count("t"))
    assert time.monotonic() - begun < 1
    gate.set()
    assert scheduler.wait(5)


def test_close_ends_the_worker(parts: Any) -> None:
    scheduler, listener, _ = parts
    scheduler.submit("slow", Count("s", steps=1000, seconds=0.01))
    time.sleep(0.03)
    scheduler.close()
    assert not [thread for thread in threading.enumerate() if thread is scheduler._worker]
    count = len(listener.events)
    scheduler.submit("slow", Count("t"))
    time.sleep(0.05)
    assert len(listener.events) == count


def test_wait_says_when_time_ran_out(parts: Any) -> None:
    scheduler, _, _ = parts
    gate = threading.Event()
    scheduler.submit("slow", Count("s", gate=gate))
    assert not scheduler.wait(0.05)
    gate.set()
    assert scheduler.wait(5)


def test_inline_runner_answers_before_submit_returns() -> None:
    listener = Listener()
    runner = InlineRunner(LiveContext(Model()), listener, ["quick"], listener.lock)  # type: ignore[arg-type]
    runner.submit("quick", Count("a", steps=3))
    assert listener.of("answered") == [("answered", "quick", "a", 1.0, True)]
    runner.submit("quick", Count("raises"))
    assert listener.of("failed") == [("failed", "quick", "no such thing")]


@pytest.mark.parametrize("known", [False, True])
def test_an_answer_may_ask_for_more_in_its_own_slot(parts: Any, monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    scheduler, listener, _ = parts
    if known:
        scheduler.submit("slow", Count("first"))
        scheduler.submit("slow", Count("other"))
        assert scheduler.wait(5)
        listener.events.clear()
    answered = listener.answered

    def asks(slot: str, request: Any, answer: Any, final: bool) -> None:
        answered(slot, request, answer, final)
        if answer.name == "first":
            scheduler.submit("slow", Count("second", steps=3, seconds=0.02))

    monkeypatch.setattr(listener, "answered", asks)
    with listener.lock:
        scheduler.submit("slow", Count("first"))
    # whoever waits is not told that all is done between the two
    assert scheduler.wait(10) and listener.of("answered")[-1][2:] == ("second", 1.0, True)
    assert listener.of("settled")[-1:] == [("settled",)]


def test_an_answer_that_is_there_does_not_wait_for_another_slots_work(parts: Any) -> None:
    scheduler, listener, _ = parts
    with listener.lock:
        scheduler.submit("quick", Count("long", steps=60, seconds=0.01))
        scheduler.submit("slow", Count("short"))
    assert scheduler.wait(10)
    shown = [event[2:] for event in listener.of("answered")]
    assert shown.index(("short", 1.0, True)) < shown.index(("long", 1.0, True)) - 1


def test_work_begins_when_the_act_that_asks_for_it_has_been_painted(parts: Any) -> None:
    scheduler, listener, _ = parts
    begun = threading.Event()
    with listener.lock:
        scheduler.submit("a", Count("one", gate=SimpleNamespace(wait=lambda seconds: begun.set())))
        assert not begun.wait(0.2)
    assert scheduler.wait(10) and begun.is_set()


def test_background_work_waits_for_a_lull(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbviz.session.scheduler.LULL", 3600.0)
    listener, context = Listener(), LiveContext(Model())  # type: ignore[arg-type]
    scheduler = Scheduler(context, listener, ["quick", "trust"], listener.lock, ["trust"])
    log: list[str] = []
    try:
        scheduler.submit("trust", Count("first", log=log))
        assert scheduler.wait(5, background=True) and log == ["begun", "ended"]  # nobody has asked for anything yet
        scheduler.submit("quick", Count("a"))
        scheduler.submit("trust", Count("second", log=log))
        assert scheduler.wait(5)  # what an act asks for doesn't wait
        assert not scheduler.wait(0.1, background=True) and log == ["begun", "ended"]
        monkeypatch.setattr("nbviz.session.scheduler.LULL", 0.0)
        scheduler.submit("quick", Count("b"))
        assert scheduler.wait(5, background=True) and log == ["begun", "ended"] * 2
    finally:
        scheduler.close()
