"""Context of requests: the model, and the answers already known."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from nbviz.errors import NbvizError
from nbviz.model.edit import Edit
from nbviz.model.instrumented import InstrumentedModel
from nbviz.session.cache import Cache
from nbviz.session.requests.base import Answer, Context, Request
from nbviz.session.requests.edits.edited_request import Edited

Version = tuple[int, bytes]
"""Fingerprint of a network's state."""
MOST_EDITED = 4
"""Edited networks kept ready: undo and redo go to and fro between few."""


class LiveContext:
    """Context over one model, with a cache that is cleared when the model changes."""

    def __init__(self, model: InstrumentedModel, cache: Cache | None = None) -> None:
        self.model = model
        self.cache = Cache() if cache is None else cache
        self._version: Version | None = None
        self._held = threading.local()
        self._edited: OrderedDict[tuple[Edit, ...], EditedContext] = OrderedDict()
        self._lock = threading.Lock()

    def version(self) -> Version:
        """Fingerprint of the model, or the one of :meth:`one_look`; answers of an older one are dropped."""
        held = getattr(self._held, "version", None)
        return self._look() if held is None else held

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Check the model for changes once, for all requests of this thread in the block but its passes."""
        # per thread: the worker's passes look for themselves, whatever a handler holds meanwhile
        before = getattr(self._held, "version", None)
        self._held.version = self._look() if before is None else before
        try:
            yield
        finally:
            self._held.version = before

    def _look(self) -> Version:
        version = self.model.fingerprint()
        if version != self._version:
            self.cache.clear()
            self._version = version
        return version

    def forget(self) -> None:
        """Drop every answer, whatever is known of the weights, and look at all of them."""
        self.model.fingerprint(reread=True)
        self.cache.clear()

    def known(self, request: Request) -> Answer | None:
        """Return the final answer from the cache; None where it is not there."""
        if isinstance(request, Elsewhere):
            return request.context.known(request.request)
        if isinstance(request, Edited):
            return self._known_edited(request)
        return self.cache.get((self.version(), self._entry(request)))

    def edited(self, edits: tuple[Edit, ...]) -> EditedContext:
        """Return the context with edits on; its answers are kept beside the others.

        Raises NbvizError for an edit that the network lacks.
        """
        with self._lock:
            if edits not in self._edited:
                self._edited[edits] = EditedContext(self, edits)
                while len(self._edited) > MOST_EDITED:
                    self._edited.popitem(last=False)
            # undo and redo come back to the same few: the one used longest ago goes
            self._edited.move_to_end(edits)
            return self._edited[edits]

    def _known_edited(self, request: Edited) -> Answer | None:
        if (first := request.undecided) is not None:
            scores = self.known(first)
            if scores is None:
                return None
            request = request.decided(scores)
        return self.edited(request.edits).known(request.request)

    def _entry(self, request: Request) -> Request:
        """Return the key of a request in the cache, beside the network's version."""
        return request

    def answer(self, request: Request) -> Answer:
        """Return the final answer, computed if need be."""
        answer = self.known(request)
        if answer is None:
            # stepped here and now: whoever asks holds a slot already, and would wait for itself
            for answer in self.answers(request):
                pass
        return answer

    def keep(self, request: Request, answer: object, others: Mapping[Request, object]) -> None:
        """Keep a request's final answer also for equal requests, and for those it contains."""
        # only if it is still the answer: the weights may have moved since it was shown
        if self.known(request) is answer:
            for other, part in others.items():
                self.cache.put((self.version(), self._entry(other)), part)

    def answers(self, request: Request) -> Iterator[Answer]:
        """Yield answers that get better; the last one is kept if the model stayed the same."""
        if isinstance(request, Elsewhere):  # kept there alone: as a key here it would hold the other network
            yield from request.context.answers(request.request)
            return
        if isinstance(request, Edited):
            first = request.undecided
            decided = request if first is None else request.decided(self.answer(first))
            yield from self.edited(decided.edits).answers(decided.request)
            return
        # looked at anew, even within one_look: this is the pass that the block leaves out
        version, answer = self._look(), None
        for answer in request(self):
            yield answer
        # an answer over weights that moved meanwhile is shown, and not kept for others
        if answer is not None and self._look() == version:
            self.cache.put((version, self._entry(request)), answer)


class EditedContext(LiveContext):
    """Context with edits on, over the same weights and in the same cache as without."""

    def __init__(self, plain: LiveContext, edits: tuple[Edit, ...]) -> None:
        super().__init__(plain.model.edited(*edits), plain.cache)
        self.plain, self.edits = plain, edits

    def edited(self, edits: tuple[Edit, ...]) -> EditedContext:
        """Return the context with further edits on, after these."""
        return self.plain.edited((*self.edits, *edits))

    def version(self) -> Version:
        """Fingerprint of the network without edits: the weights are the same."""
        return self.plain.version()

    def _look(self) -> Version:
        return self.plain._look()  # noqa: SLF001 - our own

    def _entry(self, request: Request) -> Request:
        return Edited(request, self.edits)


@dataclass(frozen=True)
class Elsewhere(Request):
    """Request of another network, for its weights as they were when it was asked."""

    context: LiveContext
    version: Version
    request: Request

    def __call__(self, context: Context) -> Iterator[Answer]:
        yield from self.context.answers(self.request)


class Known:
    """Context that never computes: what isn't cached is :class:`NbvizError`. For handlers, which must not wait."""

    def __init__(self, context: LiveContext) -> None:
        self.model, self._context = context.model, context

    def answer(self, request: Request) -> Answer:
        """Return the final answer, from the cache."""
        answer = self._context.known(request)
        if answer is None:
            raise NbvizError("The network is still computing what this needs: try again in a moment.")
        return answer
