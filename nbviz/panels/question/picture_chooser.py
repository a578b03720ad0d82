"""Picture chooser: thumbnails in a row, and a way in for the reader's own.

A file is shrunk in the browser first where it is large: messages above about 10 MB are lost without a word.
What arrives is opened by ``load_pictures``, joins the mapping of pictures and is selected.
"""

from __future__ import annotations

import io
from collections.abc import MutableMapping

import traitlets
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content, Panel
from nbviz.panels.base.strip import ready
from nbviz.panels.snapshot.parts import PicturesPart, StillParts
from nbviz.pictures.load import Picture, load_pictures, unique_name
from nbviz.session.selection import Selection

THUMBNAIL = 116
"""Pixels a side: 58 in the page, twice that for dense screens."""
AT_ONCE = 12
STILL = 6
"""Thumbnails in a still picture."""


class PictureChooserFront(Front):
    """Widget of names and the first thumbnails; others are asked for when their page is turned to."""

    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    sizes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """ "451 × 300" of each, for its tooltip; empty where reading it failed."""
    thumbnails: traitlets.List[bytes] = traitlets.List().tag(sync=True)
    """JPEG bytes of the first pictures."""
    chosen = traitlets.Unicode().tag(sync=True)


class PictureChooser(Panel):
    """Panel of the picture; writes ``selection.image`` and takes new ones in."""

    slot = "pictures"
    reads = frozenset(("image",))
    pictures: MutableMapping[str, Picture]

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = PictureChooserFront()
        self._errors: list[str] = []
        """Why files could not be added, of those that were added together last."""
        self._list()
        if links.problems:
            self._say(" ".join(links.problems), "nothing")
        self.listen(self.view, self._act)

    def sync(self, selection: Selection) -> None:
        with LOCK, self.view.hold_sync():
            if len(self.view.names) != len(self.pictures):
                self._list()
            self.view.chosen = selection.image
            if self.view.state == "failed":
                ready(self.view)

    def add(self, name: str, data: bytes) -> str:
        """Open the bytes of an image file, add it under a free name, select it and return that name.

        NbvizError where it is no picture; then nothing has changed.
        """
        loaded = load_pictures({name or "picture": data})
        picture = next(iter(loaded.values()))
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
        first = max(0, min(at - STILL // 2, len(names) - STILL))
        shown = [_still(self.pictures[name]) for name in names[first : first + STILL]]
        return {"pictures": PicturesPart(shown, at - first)}

    def _list(self) -> None:
        self.view.names = list(self.pictures)
        self.view.sizes = [_size(picture) for picture in self.pictures.values()]
        self.view.thumbnails = [_thumbnail(picture) for picture in list(self.pictures.values())[:AT_ONCE]]

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
