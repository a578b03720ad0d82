"""Runner without a worker: requests are answered where they are submitted."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from nbviz.session.context import LiveContext
from nbviz.session.requests.base import Answer, Request

Lock = AbstractContextManager[object]
"""Lock that a thread may take again."""


class Listener(Protocol):
    """Who hears of answers, always under the lock."""

    def waiting(self, slot: str) -> None: ...
    def answered(self, slot: str, request: Request, answer: Answer, final: bool) -> None: ...
    def failed(self, slot: str, request: Request, error: BaseException) -> None: ...
    def settled(self) -> None: ...
    def idle(self) -> bool: ...


class InlineRunner:
    """Runner that answers at once, in the caller's thread: for scripts and tests."""

    def __init__(
        self, context: LiveContext, listener: Listener, slots: Sequence[str], lock: Lock, background: Sequence[str] = ()
    ) -> None:
        self.context, self.listener, self.lock = context, listener, lock
        self._left = frozenset(background)
        self._requests: dict[str, Request] = {}

    def submit(self, slot: str, request: Request | None, renew: bool = False) -> None:
        """Answer a request for a slot; the same as now is not answered again unless ``renew``."""
        with self.lock:
            if request is None or slot in self._left:  # nobody waits for the background here
                self._requests.pop(slot, None)
                return
            if self._requests.get(slot) == request and not renew:
                return
            self._requests[slot] = request
            # as the scheduler does: panels clear what they show before an answer comes
            self.listener.waiting(slot)
            try:
                self.listener.answered(slot, request, self.context.answer(request), True)
            except Exception as error:  # becomes that panel's error strip; the others carry on
                self.listener.failed(slot, request, error)

    busy = False
    at_rest = True

    def cancel(self, slot: str) -> bool:
        """Do nothing: answers are there when ``submit`` returns."""
        return False

    def wait(self, timeout: float | None = None, background: bool = False) -> bool:
        """Return at once: everything is answered already."""
        return True

    def close(self) -> None:
        """Forget the slots."""
        self._requests.clear()
