"""Panel of the channels that the class needs: its score as they go and as only they stay; and over many pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from nbviz.circuits import ClassEffects, Need
from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.channels.need_words import curve_data, need_words, over_rows, over_words
from nbviz.pictures.samples import Items
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.need import MeasureNeed, MeasureOverPictures
from nbviz.session.selection import Selection

Subject = tuple[str, int]


class NeedFront(Front):
    """Widget of two buttons, the curves and the classes.

    Sends ``{"event": …}``: need, over, cancel.
    """

    shown = traitlets.Bool(False).tag(sync=True)
    """True if there is a layer with channels."""
    labelled = traitlets.Int(0).tag(sync=True)
    """Pictures of the data set; 0 for none."""
    asked: traitlets.List[str] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Those of ``"need"`` and ``"over"`` that were asked for."""
    curve: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    """at, go, stay, go_band, stay_band as fractions; ticks [[at, text], …]; low and high as text."""
    words: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs on the curve."""
    classes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[class, effect, interval, control, answers, pictures, whether the interval leaves zero out], …]"""
    over = traitlets.Unicode().tag(sync=True)
    """Sentence above the classes."""
    progress = traitlets.Unicode().tag(sync=True)


class ClassNeed(Panel):
    """Panel of the curves; computes nothing until it is asked to.

    subject: gives layer and channel of the card.
    """

    slot = "need"
    reads = frozenset(("image", "layer", "target", "channel", "group", "edits"))
    asks = frozenset(("image", "layer", "target"))
    after = ("channel",)

    def __init__(self, links: Links, subject: Callable[[Selection], Subject | None]) -> None:
        super().__init__(links)
        self.view, self._subject = NeedFront(), subject
        self._wanted: set[tuple[str, str]] = set()
        """(picture, layer) whose curves were asked for: they stay asked for."""
        self._name = ""
        self.pictures_too = OverPictures(links, self)
        self.listen(self.view, self._act)

    def parts(self) -> Mapping[str, Panel]:
        return {self.pictures_too.slot: self.pictures_too}

    @property
    def items(self) -> Items | None:
        """The data set, which may have labels; None where there is none."""
        review = self.links.library.review
        return self.links.library.whole or (None if review is None else review.items)

    def channels(self, selection: Selection) -> tuple[str, tuple[int, ...]] | None:
        """Return layer and channels that are chosen; None where none is known yet."""
        subject = self._subject(selection)
        return None if subject is None else (subject[0], tuple(sorted({subject[1], *selection.group})))

    def request(self, selection: Selection) -> Request | None:
        if (selection.image, selection.layer) not in self._wanted:
            return None
        return MeasureNeed(self.pictures[selection.image], selection.layer, Target.ensure(selection.target, self.model))

    def sync(self, selection: Selection) -> None:
        items, chosen = self.items, self.channels(selection)
        need = (selection.image, selection.layer) in self._wanted
        over = chosen is not None and chosen in self.pictures_too.wanted
        with LOCK, self.view.hold_sync():
            self.view.shown, self.view.labelled = chosen is not None, 0 if items is None else len(items)
            self.view.asked = [name for name, on in (("need", need), ("over", over)) if on]
            # what is on show belongs to another layer or picture by now
            if not need:
                self.view.curve, self.view.words = {}, []
            if not over:
                self.view.classes, self.view.over = [], ""
            self.pictures_too.say()

    def show(self, answer: Need) -> None:
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self.view.curve = curve_data(answer)
            self.view.words = need_words(answer, self.model.class_name(answer.index))
            self.view.progress = "" if answer.done == 1 else f"{100 * answer.done:.0f} % measured"

    def wait(self, progress: str = "") -> None:
        self.view.progress = "measuring"

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.curve, self.view.words, self.view.progress = {}, [], ""
            fail(self.view, error)

    def _act(self, content: Content) -> None:
        event, selection = content.get("event"), self.selection
        chosen = self.channels(selection)
        if event == "need":
            # a second click takes the wish back, which cancels the work
            self._wanted ^= {(selection.image, selection.layer)}
        elif event == "over" and chosen is not None:
            self.pictures_too.wanted ^= {chosen}
        else:
            return
        self.view.progress = ""
        self.sync(selection)
        self.links.ask()


class OverPictures(Panel):
    """Panel of the classes over labelled pictures, on request; draws into the view of the curves."""

    slot = "need pictures"
    edits = False

    def __init__(self, links: Links, home: ClassNeed) -> None:
        super().__init__(links)
        self.home, self.view = home, home.view
        self.wanted: set[tuple[str, tuple[int, ...]]] = set()
        """(layer, channels) that were asked for."""
        self._shown: tuple[tuple[str, tuple[int, ...]], ClassEffects] | None = None
        """Layer and channels on show, and what they do."""

    def request(self, selection: Selection) -> Request | None:
        items, chosen = self.home.items, self.home.channels(selection)
        if items is None or chosen is None or chosen not in self.wanted:
            return None
        return MeasureOverPictures(items, *chosen)

    def show(self, answer: ClassEffects) -> None:
        chosen = self.home.channels(self.selection)
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self.view.classes = over_rows(answer, self.model.class_name)
            self._shown = None if chosen is None else (chosen, answer)
            self.say()
            self.view.progress = "" if answer.done == 1 else f"{len(answer.labels)} pictures"

    def say(self) -> None:
        """Say what was measured, and that edits which are on are left out of it."""
        if self._shown is not None and self.view.classes and self._shown[0] == self.home.channels(self.selection):
            (_, channels), answer = self._shown
            self.view.over = over_words(answer, channels, bool(self.selection.edits))

    def wait(self, progress: str = "") -> None:
        self.view.progress = "looking at labelled pictures"

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.classes, self.view.over, self.view.progress = [], "", ""
            fail(self.view, error)
