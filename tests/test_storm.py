"""200 random events on two networks, with edits, surgery, exceptions and interrupts; 10,000 are in the benchmarks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nbviz import zoo
from tests.bench.events import tiny
from tests.storm import Storm

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
