"""Waits for another thread: an interrupt is one, whenever it comes."""

import threading

import pytest

from nbviz.replica.interruption import waiting


def interrupted(state: object) -> None:
    raise KeyboardInterrupt("at the keyboard")


def test_an_interrupt_is_one_and_leaves_the_lock_free(monkeypatch: pytest.MonkeyPatch) -> None:
    condition = threading.Condition()
    # as a signal does that comes while the lock is being taken back
    monkeypatch.setattr(condition, "_acquire_restore", interrupted)
    with pytest.raises(KeyboardInterrupt, match="at the keyboard"), waiting(), condition:
        condition.wait(0.01)
    taken = []
    other = threading.Thread(target=lambda: taken.append(condition.acquire(timeout=1)))
    other.start()
    other.join()
    assert taken == [True]


def test_another_error_about_locks_stays_one() -> None:
    condition = threading.Condition()
    with pytest.raises(RuntimeError), waiting(), condition:
        condition.release()
