"""Class search: which class is explained, and rather than which other.

Its own listbox, because nothing of a stock combobox reaches Python until an exact match, and it keeps an old
value under a wrong text in silence. Filtering happens in the browser; only a choice is a message.
"""

from __future__ import annotations

from collections.abc import Callable

import traitlets

from nbviz.errors import NbvizError
from nbviz.model.scoring.prediction import Prediction
from nbviz.model.target import Target, TargetLike
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.snapshot.parts import StillParts
from nbviz.session.requests.base import Request, ScoresAnswer, ScoresRequest
from nbviz.session.selection import Selection

PREDICTED, NONE, CHANNEL = -1, -1, -2
"""Numbers that the page sends for a choice that is no class by index; see :class:`ClassFront`."""
TOP = 5
"""Likeliest classes, which lead the list."""


class ClassFront(Front):
    """Widget of the two searches; −1 stands for "what it predicts" in one and "any other" in the other."""

    scripts = ("combo",)

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Every class's name by index."""
    top: traitlets.List[list[float | None]] = traitlets.List().tag(sync=True)
    """[index, probability] of the likeliest classes, best first."""
    predicted = traitlets.Int(None, allow_none=True).tag(sync=True)
    chosen = traitlets.Int(PREDICTED, allow_none=True).tag(sync=True)
    """Class index, −1 for the predicted one, None for a function of the reader's own."""
    against = traitlets.Int(NONE).tag(sync=True)
    words = traitlets.Unicode().tag(sync=True)
    """Name of a target that is no class."""
    channel = traitlets.Unicode().tag(sync=True)
    """The channel of the layers that can be explained instead, as text; choosing it sends −2."""


class ClassDropdown(Panel):
    """Panel of the class; writes ``selection.target``. ``channel`` gives the one whose card is on show."""

    slot = "classes"
    reads, asks = frozenset(("image", "target", "layer", "channel")), frozenset(("image",))
    edits = False  # "what it predicts" is what it predicts without them, so that before and after are of one class

    def __init__(self, links: Links, channel: Callable[[], int | None]) -> None:
        super().__init__(links)
        self.view, self._channel_on_show = ClassFront(), channel
        self._said: Prediction | None = None
        self.listen(self.view, self._act)

    def request(self, selection: Selection) -> Request:
        return ScoresRequest(self.pictures[selection.image])

    def sync(self, selection: Selection) -> None:
        target = Target.ensure(selection.target, self.model)
        with LOCK, self.view.hold_sync():
            self.view.chosen = PREDICTED if target.predicted else target.index
            self.view.against = NONE if target.other is None else target.other
            self.view.words = self._words(target)
            number = "" if selection.channel is None else f" {selection.channel}"
            self.view.channel = f"the chosen channel{number} of {selection.layer}"
            self.view.state, self.view.message = "ready", ""

    def show(self, answer: ScoresAnswer) -> None:
        count = len(answer.logits)
        self._said = answer.prediction
        with LOCK, self.view.hold_sync():
            # once: a thousand names are the largest message of all, and the same for every picture
            if len(self.view.names) != count:
                self.view.names = [self.model.class_name(index) for index in range(count)]
            self.view.top = [[int(i), _json_number(answer.probabilities[i])] for i in answer.order[:TOP]]
            self.view.predicted = int(answer.order[0])
            self.view.words = self._words(Target.ensure(self.selection.target, self.model))

    def still(self) -> StillParts:
        target = Target.ensure(self.selection.target, self.model)
        chosen = target.index if self._said is None else self._said.class_of(target)
        name = target.words(self.model) if chosen is None else self.model.class_name(chosen)
        return {"target": name, "against": None if target.other is None else self.model.class_name(target.other)}

    def _words(self, target: Target) -> str:
        words = target.words(self.model)
        label = None if self._said is None or target.number is None else self._said.class_of(target)
        return words if label is None or target.index is not None else f"{self.model.class_name(label)}, {words}"

    def _act(self, content: Content) -> None:
        if content.get("event") != "choose":
            return
        self.selection.target = self._target(int(content["chosen"]), int(content["against"]))

    def _channel(self) -> Target:
        number = self.selection.channel
        if number is None:
            number = self._channel_on_show()
        if number is None:
            raise NbvizError("There is no channel on show yet: choose one in the grid.")
        return Target.channel(self.selection.layer, number)

    def _target(self, chosen: int, against: int) -> TargetLike:
        if chosen == CHANNEL:
            return self._channel()
        if against == NONE:
            return "predicted" if chosen == PREDICTED else chosen
        # a contrast needs two classes by number: the predicted one is taken as it is now
        if chosen == PREDICTED:
            chosen = self.view.predicted if self.view.predicted is not None else chosen
        return (chosen, against)


def _json_number(probability: float) -> float | None:
    """Return a number, or None where it isn't finite: JSON has no NaN."""
    return float(probability) if probability == probability else None
