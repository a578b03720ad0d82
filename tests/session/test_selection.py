"""The selection is the only mutable truth: no write falls between two things that belong together."""

from __future__ import annotations

import threading

from nbviz.session.selection import LOCK
from tests.panels.rig import rig


def test_a_write_waits_for_what_is_being_painted() -> None:
    chosen = rig().selection
    with LOCK:
        writer = threading.Thread(target=chosen.set_trait, args=("image", "coffee"))
        writer.start()
        writer.join(0.1)
        assert writer.is_alive() and chosen.image == "cat"
    writer.join(5)
    assert chosen.image == "coffee"
