"""Title bar: the network, its view of the picture, how sure its preprocessing is, and the state."""

from __future__ import annotations

import json
from collections.abc import Callable

import traitlets

from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.stage import STAGES
from nbviz.panels.base.strip import ready
from nbviz.panels.scenes.file_names import file_words
from nbviz.panels.snapshot.parts import StillParts, TitlePart
from nbviz.session.selection import Selection

STATE = "state"
"""Name of the copy that is a state instead of Python."""


class TitleFront(Front):
    """Widget of the title bar, plain data; sends ``save``, ``refresh``, ``back``, ``forward`` and ``copy``."""

    scripts = ("base/menu", "title_steps", "title_wide", "title_copy", "title_legend")

    name = traitlets.Unicode().tag(sync=True)
    facts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Short facts in gray after the name: parameters, device, what the network sees, notes on how it is run."""
    preprocessing = traitlets.Unicode().tag(sync=True)
    explained = traitlets.Unicode().tag(sync=True)
    """The whole sentence on preprocessing, shown when pointed at."""
    guessed = traitlets.Bool(False).tag(sync=True)
    word = traitlets.Unicode("ready").tag(sync=True)
    """"ready", "computing" or another short state."""
    moved = traitlets.Bool(False).tag(sync=True)
    """True if the weights changed since the pictures were computed."""
    back = traitlets.Bool(False).tag(sync=True)
    """True if something else was on show before."""
    forward = traitlets.Bool(False).tag(sync=True)
    """True if a step back can be taken again."""
    copies: traitlets.List[list[str]] = traitlets.List().tag(sync=True)
    """[name, words, sentence] of what can be copied; sends ``copy`` (name), and hears ``copied`` (name, text)."""


class TitleBar(Panel):
    """Panel of name, facts, state, steps back and forward, Save picture and Refresh."""

    slot = "title"
    reads = frozenset(("image", "stage"))

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = TitleFront(name=str(self.model.name))
        self._size = ""
        # what fails here is the saved picture: *Retry* makes that again, not all that is on show
        self.listen(self.view, self._act, retry=self._save)
        links.activity.observe(lambda _: self._say())

    def sync(self, selection: Selection) -> None:
        transform, picture = self.model.transform, self.pictures.get(selection.image)
        sentence = transform.sentence if picture is None else transform.sentence_for(picture)
        with LOCK, self.view.hold_sync():
            ready(self.view)
            self._size = f"{count_words(self.model.parameters)} parameters"
            self.view.facts = self._facts()
            # A tensor that is given ready is seen as it is: nothing is guessed of it.
            self.view.guessed = transform.guessed and (picture is None or picture.tensor is None)
            self.view.preprocessing = pill_words(sentence)
            self.view.explained = sentence
            self.view.copies = copies(selection.stage)

    def _say(self) -> None:
        with LOCK, self.view.hold_sync():
            self.view.word, self.view.moved = self.links.activity.word, self.links.activity.moved
            self.view.facts = self._facts()  # passes since may have left a note
            self.view.back, self.view.forward = self.selection.can_back, self.selection.can_forward

    def _facts(self) -> list[str]:
        picture = self.pictures.get(self.selection.image)
        sees = "" if picture is None else sees_words(self.model.transform.size_for(picture), picture.size)
        return [fact for fact in (self._size, str(self.model.device), sees, *self.model.guest.notes) if fact]

    def still(self) -> StillParts:
        view, edits = self.view, self.selection.edits_on
        facts = [*view.facts, *(f"edited: {edit.words}" for edit in edits)]
        return {"title": TitlePart(view.name, facts, view.preprocessing, view.word)}

    def _act(self, content: Content) -> None:
        acts: dict[str, Callable[[], None]] = {
            "refresh": self.links.refresh, "save": self._save, "back": self.selection.back,
            "forward": self.selection.forward, "copy": lambda: self._copy(str(content.get("name"))),
        }  # fmt: skip
        if content.get("event") in acts:
            acts[content["event"]]()

    def _copy(self, name: str) -> None:
        text = json.dumps(self.selection.state()) if name == STATE else self.links.code(name)
        ready(self.view)
        self.view.send({"event": "copied", "name": name, "text": text})

    def _save(self) -> None:
        picture = self.links.save()
        ready(self.view)
        name = "-".join(["nbviz", str(self.model.name), self.selection.image, self.selection.method])
        self.view.send({"event": "saved", "name": f"{file_words(name)}.png"}, [picture])


def copies(stage: str) -> list[list[str]]:
    """Return what can be copied while a stage is on show: name, words and sentence of each."""
    title = f"the stage {STAGES[stage].title}" if stage in STAGES else "the channels"
    words = {"canvas": "the map, as Python", stage: f"{title}, as Python"}
    python = "Python that makes exactly this; its result is called shown."
    state = "Everything chosen here, as text: Explorer(…, state=text) opens it again."
    return [*([name, said, python] for name, said in words.items()), [STATE, "this view, as a state", state]]


def count_words(count: int) -> str:
    """Write a count in three figures: 4.65 M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return str(count)


def sees_words(crop: tuple[int, int] | None, size: tuple[int, int]) -> str:
    """Describe the network's view: crop is (height, width) or None for all, size the picture's (width, height)."""
    whole = f"{size[0]} × {size[1]}"
    if crop is None or (crop[1], crop[0]) == tuple(size):
        return f"sees all of {whole}"
    return f"sees {crop[1]} × {crop[0]} of {whole}"


def pill_words(sentence: str) -> str:
    """Return the part of the preprocessing's sentence that fits a pill."""
    return sentence.split(". ")[0].rstrip(".")
