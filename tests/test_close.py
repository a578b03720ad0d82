"""Closing an Explorer leaves no widget, no thread, and nothing of its network's."""

from __future__ import annotations

import gc
import threading
import weakref

from nbviz.explorer import Explorer
from nbviz.model.trace import Trace
from nbviz.replica.watching.watch import Watch
from tests.test_explorer import WIDGETS, live, network, pictures

__all__ = ["live"]


def test_close_is_idempotent_and_leaves_no_widget_no_thread() -> None:
    widgets, threads = set(WIDGETS), threading.active_count()
    explorer = Explorer(network(), pictures())
    explorer.wait(30)
    assert len(WIDGETS) > len(widgets)
    explorer.close()
    explorer.close()
    left = [type(WIDGETS[key]).__name__ for key in set(WIDGETS) - widgets]
    assert left in ([], ["_CanvasManager"])
    assert threading.active_count() == threads


def test_close_while_computing(live: Explorer) -> None:
    live.selection.change(method="integrated_gradients", options={"tolerance": 1e-6, "maximum": 2000})
    live.close()
    assert not [t for t in threading.enumerate() if t.name == "nbviz worker" and t is live._events.scheduler._worker]


def test_closed_explorers_are_freed() -> None:
    explorer = Explorer(network(), pictures())
    explorer.wait(30)
    explorer.close()
    ghosts = [weakref.ref(explorer), weakref.ref(explorer.model), weakref.ref(explorer.selection)]
    del explorer
    gc.collect()
    assert [ghost() for ghost in ghosts] == [None, None, None]


def test_a_closed_explorer_keeps_nothing_of_its_network_s() -> None:
    """Out keeps what a cell showed: a replica, and the networks redrawn for trust, stayed with every closed one."""
    before = {id(one) for one in _instruments()}
    explorer = Explorer(network(), pictures())
    assert explorer._events.scheduler.wait(60, background=True)  # trust in the map comes last
    assert len(_instruments()) > len(before) + 2  # its own, and redrawn ones
    explorer.close()
    gc.collect()
    assert explorer.closed and {id(one) for one in _instruments()} <= before


def _instruments() -> list[object]:
    return [one for one in gc.get_objects() if type(one) in (Watch, Trace)]
