"""Strip *What if*: the edits that are on, each a chip that can be taken away, and buttons that open their desks."""

from __future__ import annotations

from collections.abc import Sequence

import traitlets

from nbviz.model.edit import Edit
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
    tips = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """The same in full: no two unequal edits have the same."""
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
            self.view.chips = chips(selection.edits)
            self.view.tips = tips(selection.edits)
            self.view.dropped = " ".join(selection.dropped)
            self.view.tool, self.view.original = selection.tool, selection.original
            self.view.undo, self.view.redo = selection.can_undo, selection.can_redo

    def _act(self, content: Content) -> None:
        event, selection = content.get("event"), self.selection
        if event == "tool":
            name = str(content["name"])
            selection.change(tool="" if name == selection.tool else name, draft=None)
        elif event == "original":
            selection.original = bool(content["on"])
        elif event == "undo":
            selection.undo()
        elif event == "redo":
            selection.redo()
        elif event == "clear":
            selection.change(edits=(), draft=None)
        elif event == "remove":
            self._remove(content["place"])

    def _remove(self, place: object) -> None:
        edits = self.selection.edits
        if isinstance(place, int) and 0 <= place < len(edits):
            self.selection.change(edits=(*edits[:place], *edits[place + 1 :]), draft=None)


def chips(edits: Sequence[Edit]) -> list[str]:
    """Describe edits in a phrase each; unequal ones that read the same, such as two strokes, are numbered."""
    return numbered(edits, [edit.words for edit in edits], "{} ({})")


def tips(edits: Sequence[Edit]) -> list[str]:
    """Describe edits in full; unequal ones whose fields read the same are numbered."""
    full = [f"{edit.words} ({edit.details})" if edit.details else edit.words for edit in edits]
    return numbered(edits, full, "{}, another one ({})")


def numbered(edits: Sequence[Edit], texts: Sequence[str], form: str) -> list[str]:
    """Return the texts of edits; the second of unequal edits with one text, and those after it, are told by ``form``.

    form: a format of the text and the number.
    """
    found: list[str] = []
    readings: dict[str, list[Edit]] = {}
    for edit, text in zip(edits, texts, strict=True):
        alike = readings.setdefault(text, [])
        if edit not in alike:
            alike.append(edit)
        place = alike.index(edit)
        found.append(form.format(text, place + 1) if place else text)
    return found
