"""What a panel is: a view, a pure request, and a painter.

The Explorer's single observer asks each panel for its request. ``sync`` reflects the selection at once
(highlights, labels) on the thread that wrote it; ``show`` paints an answer, usually on the worker's thread;
``wait`` and ``fail`` are the states between. None of them ever writes the Selection: only a handler of a
person's own event does. All of them run under one lock (``LOCK``), because widgets are not thread-safe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import ipywidgets

from nbviz.model.instrumented import InstrumentedModel
from nbviz.pictures.load import Picture
from nbviz.session.requests.base import Request
from nbviz.session.selection import LOCK as LOCK
from nbviz.session.selection import Selection


class Panel:
    """Base of all panels."""

    slot: str
    """The panel's slot in the scheduler, unique in an Explorer."""

    view: ipywidgets.Widget

    after: ClassVar[tuple[str, ...]] = ()
    """Slots whose answers this panel's request follows: it is asked again when one of them has come."""

    on_retry: Callable[[], None] | None = None
    """What the error strip's Retry does; set by the Explorer."""

    on_ask: Callable[[], None] | None = None
    """Asks every panel again, after something of this panel's own has changed; set by the Explorer."""

    def __init__(self, model: InstrumentedModel, pictures: Mapping[str, Picture], selection: Selection) -> None:
        self.model, self.pictures, self.selection = model, pictures, selection

    def request(self, selection: Selection) -> Request | None:
        """What this panel needs for the selection; pure; None when it needs nothing computed."""
        return None

    def sync(self, selection: Selection) -> None:
        """Reflect the selection at once."""

    def show(self, answer: Any) -> None:
        """Paint an answer of the panel's request."""

    def wait(self, progress: str = "") -> None:
        """The answer is being computed: what is on show is dimmed until the first partial."""

    def fail(self, error: BaseException) -> None:
        """The request raised: the error strip, in words a user can act on."""

    def parts(self) -> Mapping[str, Panel]:
        """Slot → the panels in it that ask and show on their own, as many as there are now."""
        return {}

    def heard(self, slot: str, request: Request | None, answer: Any) -> None:
        """Another slot has this answer on show now; ``request`` is None while it has none."""

    def point(self, place: tuple[float, float] | None) -> None:
        """A place of the picture is pointed at: (row, column) as fractions in 0…1; None when nowhere."""
