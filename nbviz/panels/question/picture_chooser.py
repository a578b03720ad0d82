"""Picture chooser: thumbnails in a row, and a way in for the reader's own.

A file is shrunk in the browser first where it is large: messages above about 10 MB are lost without a word.
What arrives is opened by ``load_pictures``, joins the mapping of pictures and is selected.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, MutableMapping

import traitlets
from PIL import Image

from nbviz.errors import NbvizError, unknown
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import ready
from nbviz.panels.snapshot.parts import PicturesPart, StillParts
from nbviz.pictures.load import Picture, load_pictures, unique_name
from nbviz.session.requests.base import Request, ScoresAnswer
from nbviz.session.requests.review import Answer, AnswersRequest, SeveralAnswers
from nbviz.session.selection import Selection

THUMBNAIL = 116
"""Pixels a side: 58 in the page, twice that for dense screens."""
AT_ONCE = 12
"""Thumbnails that are sent at first, and pictures of a data set that are opened at a time."""
STILL = 6
"""Thumbnails in a still picture."""


class PictureChooserFront(Front):
    """Widget of names and the first thumbnails; others are asked for when their page is turned to."""

    scripts = ("picture_adding", "picture_list")

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    sizes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """ "451 × 300" of each, for its tooltip; empty where reading it failed."""
    thumbnails: traitlets.List[bytes] = traitlets.List().tag(sync=True)
    """JPEG bytes of the first pictures."""
    chosen = traitlets.Unicode().tag(sync=True)
    total = traitlets.Int(0).tag(sync=True)
    """How many pictures there are to open by number, those of a data set included."""
    marks: traitlets.Dict[str, list[str]] = traitlets.Dict().tag(sync=True)
    """Name → ["right" | "wrong" | "", sentence]: the true class, and whether the network, once asked, names it."""
    answers: traitlets.Dict[str, str] = traitlets.Dict().tag(sync=True)
    """Name → the network's answer and its share, with the true class where that is another; of those asked for."""
    listing = traitlets.Bool(False).tag(sync=True)
    """True while all pictures stand in a list, with their answers."""


class PictureChooser(Panel):
    """Panel of the picture; writes ``selection.image`` and takes new ones in."""

    slot = "pictures"
    reads = frozenset(("image",))
    hears = ("scores",)
    pictures: MutableMapping[str, Picture]

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = PictureChooserFront()
        self._said: dict[str, Answer] = {}
        """Name → the network's answer, of those it was asked for."""
        self._version = links.context.version()
        """Fingerprint of the network that gave them."""
        self._errors: list[str] = []
        """Why files could not be added, of those that were added together last."""
        self._next = len(self.pictures) if links.library.whole is not None else links.library.count
        """Number of the first item of the data set that isn't among the pictures yet, those opened by number aside."""
        self._list()
        if links.problems:
            self._say(" ".join(links.problems), "nothing")
        self.listen(self.view, self._act)
        self.view.observe(lambda _: links.ask(), "listing")

    def sync(self, selection: Selection) -> None:
        version = self.links.context.version()
        if version != self._version:  # those who are asked again come back; the others' answers were another network's
            self._version = version
            self._said.clear()
            self._mark()
        with LOCK, self.view.hold_sync():
            # by name, not by number: where a review opens one, another that it opened before may go
            if self.view.names != list(self.pictures):
                self._list()
            self.view.chosen = selection.image
            if self.view.state == "failed":
                ready(self.view)

    def hear(self, slot: str, request: Request | None, answer: object) -> None:
        if isinstance(answer, ScoresAnswer):  # an edited picture is no answer to whether it is right
            self.take({answer.picture.name: Answer.of(answer)})

    def take(self, said: Mapping[str, Answer]) -> None:
        """Show what the network says of pictures, by name."""
        self._said.update(said)
        self._mark()

    def jump(self, words: str) -> None:
        """Choose a picture by its name, or by its number in all there are. NbvizError where there is none."""
        words = words.strip()
        # by its name first: a picture may be called by another number than its place
        if words in self.pictures:
            self.selection.image = words
        elif words.isdecimal():
            self.selection.image = self.links.library.open(int(words))
        else:
            near = [name for name in self.pictures if words.lower() in name.lower()]
            if not near:
                raise unknown("Picture", words, self.pictures, "this Explorer")
            self.selection.image = near[0]

    def remove(self, name: str) -> None:
        """Take a picture away, with the maps pinned of it. NbvizError for the only one."""
        names = list(self.pictures)
        if len(names) == 1:
            raise NbvizError("This is the only picture: add another one first.")
        at = names.index(name)
        pins = tuple(pin for pin in self.selection.pins if pin.picture != name)
        other = {"image": names[at + 1 if at == 0 else at - 1]} if self.selection.image == name else {}
        self.selection.change(pins=pins, **other)
        # after the selection has left it, for its observers look the chosen picture up
        del self.pictures[name]
        self._said.pop(name, None)  # the name is free again: another picture may have it
        with LOCK, self.view.hold_sync():
            self._list()

    def more(self) -> None:
        """Open the next pictures of the data set, a row of them."""
        library, opened = self.links.library, 0
        for number in range(self._next, library.count):
            self._next = number + 1
            before = len(self.pictures)
            try:
                library.open(number)
            except NbvizError as error:  # one that is damaged does not end the row
                self._say(str(error), "refused")
                continue
            # one that was opened by its number before is there already
            opened += len(self.pictures) > before
            if opened == AT_ONCE:
                break
        with LOCK, self.view.hold_sync():
            self._list()
        if self.view.listing:
            self.links.ask()

    def add(self, name: str, data: bytes) -> str:
        """Open the bytes of an image file, add it under a free name, select it and return that name.

        NbvizError where it is no picture; then nothing has changed.
        """
        loaded = load_pictures({name or "picture": data})
        picture = next(iter(loaded.values()))
        # a name is a picture's identity here: a second photo.jpg must not take the place of the first
        picture = Picture(unique_name(picture.name, self.pictures), picture.source)
        # A file can have a sound head and a broken body: it must be read before it is chosen.
        picture.open()
        self.pictures[picture.name] = picture
        with LOCK, self.view.hold_sync():
            self._list()
        self.selection.image = picture.name
        return picture.name

    def still(self) -> StillParts:
        names = list(self.pictures)
        at = names.index(self.selection.image)
        # the chosen one in the middle, but no gap at the end of the list
        first = max(0, min(at - STILL // 2, len(names) - STILL))
        shown = [_still(self.pictures[name]) for name in names[first : first + STILL]]
        return {"pictures": PicturesPart(shown, at - first, len(names) - first - len(shown))}

    def _list(self) -> None:
        self.view.total = max(self.links.library.count, len(self.pictures))
        self._mark()
        self.view.names = list(self.pictures)
        self.view.sizes = [_size(picture) for picture in self.pictures.values()]
        # the first only: a data set of thousands would be megabytes, most of them never turned to
        self.view.thumbnails = [_thumbnail(picture) for picture in list(self.pictures.values())[:AT_ONCE]]

    def _mark(self) -> None:
        labelled = {name: picture.label for name, picture in self.pictures.items() if picture.label is not None}
        with LOCK, self.view.hold_sync():
            self.view.marks = {name: self._mark_of(name, label) for name, label in labelled.items()}
            self.view.answers = {name: self._words(name) for name in self.pictures if name in self._said}

    def _mark_of(self, name: str, label: int) -> list[str]:
        true, said = f"labelled {self.model.class_name(label)}", self._said.get(name)
        if said is None:
            return ["", true]
        right = said.index == label
        return ["right" if right else "wrong", true + (", as the network says" if right else ", the network says "
                + self.model.class_name(said.index))]  # fmt: skip

    def _words(self, name: str) -> str:
        said, label = self._said[name], self.pictures[name].label
        words = f"{self.model.class_name(said.index)} {said.share:.2f}"
        return words if label in (None, said.index) else f"{words}, is {self.model.class_name(label)}"

    def _say(self, message: str, state: str) -> None:
        with LOCK, self.view.hold_sync():
            self.view.state, self.view.message = state, message

    def _act(self, content: Content, *buffers: memoryview) -> None:
        event = content.get("event")
        if event == "choose" and content.get("name") in self.pictures:
            self.selection.image = content["name"]
        elif event == "thumbnails":
            names = [name for name in content.get("names", []) if name in self.pictures]
            pictures = [_thumbnail(self.pictures[name]) for name in names]
            self.view.send({"event": "thumbnails", "names": names}, pictures)
        elif event == "jump":
            self.jump(str(content.get("words", "")))
        elif event == "remove" and content.get("name") in self.pictures:
            self.remove(content["name"])
        elif event == "more":
            self.more()
        elif event == "add":
            if content.get("first", True):
                self._errors.clear()
            self._take(str(content.get("name", "")), bytes(buffers[0]) if buffers else b"")

    def _take(self, name: str, data: bytes) -> None:
        """Add a file; of several added at once, the sentences of all that can't be had stand together."""
        try:
            self.add(name, data)
        except NbvizError as error:
            self._errors.append(str(error))
        self._say(" ".join(self._errors), "refused" if self._errors else "ready")


class PictureAnswers(Panel):
    """Panel of what the network says of every picture, asked while they stand in a list; draws into the chooser."""

    slot, background, edits = "answers", True, False
    reads = frozenset(("image",))

    def __init__(self, links: Links, chooser: PictureChooser) -> None:
        super().__init__(links)
        self.chooser, self.view = chooser, chooser.view

    def request(self, selection: Selection) -> Request | None:
        return AnswersRequest(tuple(self.pictures.values())) if self.chooser.view.listing else None

    def show(self, answer: SeveralAnswers) -> None:
        self.chooser.take(answer.answers)


def _still(picture: Picture) -> Image.Image:
    try:
        return picture.thumbnail(THUMBNAIL)
    except (NbvizError, OSError):  # a damaged picture has its sentence in the chooser's strip
        return Image.new("RGB", (THUMBNAIL, THUMBNAIL), (128, 128, 128))


def _thumbnail(picture: Picture) -> bytes:
    """Return a JPEG of a centred square; empty bytes for a picture that is damaged (choosing it says how)."""
    out = io.BytesIO()
    try:
        picture.thumbnail(THUMBNAIL).save(out, "JPEG", quality=85)
    except (NbvizError, OSError):
        return b""
    return out.getvalue()


def _size(picture: Picture) -> str:
    try:
        return "{} × {}".format(*picture.size)
    except (NbvizError, OSError):
        return ""
