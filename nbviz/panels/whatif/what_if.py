"""Strip *What if*: the edits that are on, each a chip that can be taken away, and buttons that open their desks."""

from __future__ import annotations

import traitlets

from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import ready
from nbviz.session.selection import Selection


class WhatIfFront(Front):
    """Widget of buttons and chips.

    Sends ``{"event": …}``: tool (name), remove (place), undo, redo, original (on), clear.
    """

    chips = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """The edits that are on, as text and in order."""
    tool = traitlets.Unicode().tag(sync=True)
    """Whose desk is open; empty for none."""
    undo = traitlets.Bool(False).tag(sync=True)
    redo = traitlets.Bool(False).tag(sync=True)
    original = traitlets.Bool(False).tag(sync=True)
    """True if the original is on show."""
    dropped = traitlets.Unicode().tag(sync=True)
    """Sentences on edits that the network lacks and that were taken away."""


class WhatIf(Panel):
    """Panel that writes ``edits``, ``tool`` and ``original`` of the Selection."""

    slot = "what_if"
    reads, asks = frozenset(("edits", "tool", "original", "dropped")), frozenset(())
    edits = False

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = WhatIfFront()
        self.listen(self.view, self._act)

    def sync(self, selection: Selection) -> None:
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self.view.chips = [edit.words for edit in selection.edits]
            self.view.dropped = " ".join(selection.dropped)
            self.view.tool, self.view.original = selection.tool, selection.original
            self.view.undo, self.view.redo = selection.can_undo, selection.can_redo

    def _act(self, content: Content) -> None:
        event, selection = content.get("event"), self.selection
        if event == "tool":
            name = str(content["name"])
            selection.tool = "" if name == selection.tool else name
        elif event == "original":
            selection.original = bool(content["on"])
        elif event == "undo":
            selection.undo()
        elif event == "redo":
            selection.redo()
        elif event == "clear":
            selection.edits = ()
        elif event == "remove":
            self._remove(content["place"])

    def _remove(self, place: object) -> None:
        edits = self.selection.edits
        if isinstance(place, int) and 0 <= place < len(edits):
            self.selection.edits = (*edits[:place], *edits[place + 1 :])
