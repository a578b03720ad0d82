"""Base class of panels: a view, a pure request, and a painter.

A panel declares in ``reads`` which traits of the selection it depends on. When an act of a person has changed one of
them, the Explorer calls ``sync``, which reflects the selection at once (highlights, labels) on the thread that wrote
it, and asks for the ``request``; ``show`` paints an answer, usually on the worker's thread; ``wait`` and ``fail`` are
the states between. None of them ever writes the Selection: only a handler of a person's own event does, given to
``listen``. All of them run under one lock (``LOCK``), because widgets are not thread-safe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import ipywidgets

from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.strip import fail, refuse
from nbviz.panels.snapshot.parts import StillParts
from nbviz.session.code import Script
from nbviz.session.requests.base import Answer, Request
from nbviz.session.requests.edits.edited_request import Edited, with_edits
from nbviz.session.selection import LOCK as LOCK
from nbviz.session.selection import Selection

Content = dict[str, Any]
"""A message of a widget's script: ``event``, and what goes with it."""
Act = Callable[..., None]
"""Answers ``act(content, *buffers)``."""


def nothing(*_: object) -> None:
    """Do nothing."""


def locked(act: Callable[[], object]) -> Callable[[object], None]:
    """Return an observer that calls ``act`` under the lock, for traits that a page writes."""

    def follow(_: object) -> None:
        # else the old answer might be painted over a new one that a worker paints meanwhile
        with LOCK:
            act()

    return follow


class Panel:
    """Base of all panels."""

    slot: str
    """The panel's slot in the scheduler, unique in an Explorer."""

    view: ipywidgets.Widget

    # all: a panel of a cell that declares nothing is asked too often, but never shows what is old
    reads: frozenset[str] = frozenset(Selection.class_trait_names())
    """Traits of the selection that ``sync`` and ``request`` depend on; ``place`` for a panel with ``point``."""

    asks: frozenset[str] | None = None
    """Those of them that ``request`` depends on; None for all."""

    after: ClassVar[tuple[str, ...]] = ()
    """Slots whose answers this panel follows: it is synced and asked again when one of them has come, or failed."""

    hears: ClassVar[tuple[str, ...]] = ()
    """Slots whose answers are handed to ``hear``."""

    edits: ClassVar[bool] = True
    """True if what it asks is asked of the edited picture and network, where the request depends on them."""

    needs: ClassVar[tuple[str, ...]] = ()
    """Slots without whose answer its own can't be had: where one is cancelled, it is too."""

    background: ClassVar[bool] = False
    """True if nobody waits for its answers: they are computed when everything else is there."""

    def __init__(self, links: Links) -> None:
        self.links = links
        self.model, self.pictures, self.selection = links.model, links.pictures, links.selection

    def awake(self, selection: Selection) -> bool:
        """Return whether it is synced and asked; while it is not, what it computed last is dropped."""
        return True

    def request(self, selection: Selection) -> Request | None:
        """Return the panel's request for the selection; pure; None when it needs nothing computed."""
        return None

    def sync(self, selection: Selection) -> None:
        """Reflect the selection at once."""

    # on the worker's own thread: handed to the main loop, it would wait for the cell that runs
    def show(self, answer: Answer) -> None:
        """Paint an answer of the panel's request."""

    def wait(self, progress: str = "") -> None:
        """Show that the answer is being computed: what is on show is dimmed until the first partial."""

    def fail(self, error: BaseException) -> None:
        """Show the error strip: a sentence a user can act on."""
        # a cell's own stage may have a view of ipywidgets, which has no strip
        if isinstance(self.view, Front):
            fail(self.view, error)

    def stop(self) -> None:
        """Show that its computation was cancelled, and how to go on."""

    def parts(self) -> Mapping[str, Panel]:
        """Return slot → the panels in it that ask and show on their own, as many as there are now."""
        return {}

    def hear(self, slot: str, request: Request | None, answer: Answer) -> None:
        """Take note of another slot's answer on show; ``request`` is None while it has none."""

    def point(self, place: tuple[float, float] | None) -> None:
        """Mark a place of the picture: (row, column) as fractions in 0…1; None when nowhere."""

    def code(self, script: Script) -> str:
        """Return the Python expression whose value is what it shows; empty where it asks for nothing.

        Raises NbvizError where that can't be written down, as a function of the reader's own.
        """
        request = self.request(self.selection)
        return "" if request is None else script.request(self.with_edits(request))

    def with_edits(self, request: Request) -> Request:
        """Return a request with the edits that are on, of the class that is predicted without them."""
        edits = self.selection.edits_on
        # the class is fixed before the picture is edited: before and after would else explain two classes
        wrapped = with_edits(request, edits) if self.edits and edits else request
        if not isinstance(wrapped, Edited) or wrapped.undecided is None:
            return wrapped
        return wrapped.decided(self.links.context.answer(wrapped.undecided))

    def still(self) -> StillParts:
        """Return the panel's part of a still picture."""
        return {}

    def listen(self, front: Front, act: Act, retry: Callable[[], None] | None = None) -> None:
        """Let ``act`` answer a person's events in a widget, one after another and under the lock.

        What it raises stands in the widget's strip, for nothing raised in a callback is seen elsewhere. *Retry*
        computes all again, or does ``retry``.
        """

        def heard(_: object, content: Content, buffers: list[memoryview]) -> None:
            # the lock: two clicks are two acts, whichever of ipykernel's threads each comes on
            with LOCK:
                try:
                    (retry or self.links.refresh)() if content.get("event") == "retry" else act(content, *buffers)
                except Exception as error:
                    refuse(front, error)

        front.on_msg(heard)
