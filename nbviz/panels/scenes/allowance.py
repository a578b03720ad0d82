"""Allowance: how many bytes of pictures an answer may send while it gets better.

A page on a slow connection must not be fed ten full pictures a second for a minute. The allowance is given out as the
work goes on: the first picture may go at once, the next when the share of the work that is done pays for it. The final
picture is not counted: it always goes.
"""

from __future__ import annotations

AT_ONCE = 0.3
"""Share of an allowance that may be spent at once: what one sees first matters most."""


class Allowance:
    """Allowance of the partial pictures of one answer after another."""

    def __init__(self, size: int) -> None:
        self.size = size
        """Bytes of all partial pictures of an answer together."""
        self._spent = self._last = 0

    def begin(self) -> None:
        """Begin with another answer."""
        self._spent = self._last = 0

    def allows(self, done: float) -> bool:
        """Return whether another picture may go; done: share of the work, 0…1; 1 is the final one."""
        # by work done, not by time: a slow network must not send more than a fast one
        given = self.size * (AT_ONCE + (1 - AT_ONCE) * done)
        # the next one is taken to be as large as the last: how large it is shows once it is encoded
        return done >= 1 or not self._spent or self._spent + self._last <= given

    def spend(self, size: int) -> None:
        """Take off the bytes of a picture that went."""
        self._last = size
        self._spent += size
