"""200 random events on two networks, with edits, surgery, exceptions and interrupts; 10,000 are in the benchmarks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from nbviz import zoo
from tests.bench.events import tiny
from tests.storm import Storm
from tests.storm_sentry import Sentry

STORMS: dict[str, Callable[[], Storm]] = {
    "tiny": lambda: Storm(tiny(), seed=1),
    "fashion": lambda: Storm(zoo.load("fashion_cnn").net, mode="L", side=28, seed=2),
}


@pytest.mark.parametrize("name", STORMS)
def test_a_storm_leaves_nothing_stale_unseen_or_moved(name: str) -> None:
    storm = STORMS[name]()
    try:
        storm.run(100, every=25)
        assert storm.checks == 4 and storm.faults == []
        assert storm.events["edit"] and storm.events["surgery"] and storm.events["interrupted"]
    finally:
        storm.close()


def test_the_sentry_sees_a_stream_that_is_put_back() -> None:
    """Catches a sentry that sleeps: what a storm then finds of moved streams is nothing."""
    faults: list[str] = []
    state = random.getstate()
    with Sentry(faults) as sentry:
        with sentry.paused():
            random.random()
        assert _until(lambda: sentry.reads > 1) and not faults
        random.random()
        assert _until(lambda: len(faults) == 1)
        random.setstate(state)
        assert _until(lambda: len(faults) == 2)
    assert faults[0].startswith("the stream of python moved for a moment: ") and "test_storm.py:" in faults[0]


def _until(there: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not there() and time.monotonic() < deadline:
        time.sleep(0.001)
    return there()
