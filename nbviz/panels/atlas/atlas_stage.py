"""Stage of the atlas: like beside like, each cell by its patch or by a picture made for it.

The map is one sprite; moving on it costs no message. An atlas stays when another layer is chosen, until a person
asks for that layer's.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
import traitlets

from nbviz.dataset.atlas.atlas import Atlas
from nbviz.drawing.png import png
from nbviz.errors import NbvizError
from nbviz.panels.atlas.atlas_words import (
    ACROSS,
    about,
    caption,
    cell_counts,
    cell_words,
    laid_out,
    looks,
    note,
    offered,
    packed,
    regions,
    words,
)
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Content
from nbviz.panels.base.stage import Stage, register
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.scenes.allowance import Allowance
from nbviz.panels.snapshot.parts import StagePart, StillParts
from nbviz.pictures.load import Picture
from nbviz.pictures.samples import Items
from nbviz.session.requests.atlas import MapPictures, Opened, ShowAtlas, Shown, Source, Tiles
from nbviz.session.requests.base import Request
from nbviz.session.selection import Selection

PAUSE = 0.5
"""Seconds between partial sheets: each is hundreds of kilobytes."""
PARTIALS = 1_200_000
"""Bytes of all unfinished sheets of one map, and unfinished pictures of an opened cell."""
EMPTY = (
    "An atlas is a map of what this layer tells apart: pieces of pictures that it finds alike lie side by side, and "
    "each cell names the class that they speak for. A few pictures make a small map. A whole data set is mapped by "
    "nbviz.Atlas.build(model, dataset, layer), and opened by Explorer(model, images, atlas=atlas)."
)


class AtlasFront(Front):
    """Widget of the map, its controls, and the opened cell.

    Sends ``{"event": …}``: map, cancel, look (look), cell (cell or null), open (at), retry.
    """

    scripts = ("atlas_regions", "atlas_map")

    about = traitlets.Unicode().tag(sync=True)
    """Layer, places and pictures, beside the title."""
    empty = traitlets.Unicode(EMPTY).tag(sync=True)
    offer: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[text, tip] of the button that maps; empty for none."""
    side = traitlets.Int(0).tag(sync=True)
    """Squares a side; 0 where there is no map."""
    cells: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[row, column, class (place in ``classes``, −1 for none), words], …]"""
    classes: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    sprite = traitlets.Bytes().tag(sync=True)
    sheet = traitlets.Dict().tag(sync=True)
    """tile (pixels), across, kind of the sprite's file; ready says how many tiles are there."""
    look = traitlets.Unicode("patches").tag(sync=True)
    looks: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[key, text, tip, enabled], …]"""
    here: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[cell, places], …]: where the picture on show lies."""
    marked = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The cell of the place pointed at."""
    chosen = traitlets.Int(None, allow_none=True).tag(sync=True)
    caption: traitlets.List[Any] = traitlets.List().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    progress = traitlets.Unicode().tag(sync=True)
    done = traitlets.Float(1.0).tag(sync=True)
    opened = traitlets.Dict().tag(sync=True)
    """Of the opened cell: heading (runs), labels (runs), tile, count, tips; empty for none."""
    strip = traitlets.Bytes().tag(sync=True)
    """PNG of the opened cell's patches, side by side."""
    made = traitlets.Bytes().tag(sync=True)
    """PNG made for the opened cell."""


@register
class AtlasStage(Stage):
    """Stage that maps a layer on request, and opens cells."""

    slot, title, order = "atlas", "Atlas", 30
    reads, asks = frozenset(("image", "layer", "place")), frozenset(("image",))
    sentence = "What the layer tells apart in many pictures, as a map"

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        given = links.library.atlas
        self.source: Source | None = given
        self._given: Items | None = None if given is None else given.items
        """The data set of an atlas made before."""
        # patches are cut from the pictures, without which an atlas may have been loaded
        self.look = "patches" if given is None or given.has_pictures else "made"
        self.cell: int | None = None
        self._shown: Shown | None = None
        self._charted: Source | None = None
        """Source of the map on show."""
        self._drawn: Tiles | None = None
        self._told_at = 0.0
        self._partials = Allowance(PARTIALS)
        self.view = AtlasFront()
        self.listen(self.view, self._act)

    def request(self, selection: Selection) -> Request | None:
        if self.source is None or not self.on_show(selection):
            return None
        return ShowAtlas(self.pictures[selection.image], self.source, self.look, self.cell)

    def sync(self, selection: Selection) -> None:
        with LOCK, self.view.hold_sync():
            self.view.offer = self._offer(selection)
            self.view.look, self.view.chosen = self.look, self.cell
            if not self.view.side:
                self.view.about = f"{selection.layer} · not mapped yet"
        self.point(selection.place)

    def point(self, place: tuple[float, float] | None) -> None:
        """Mark the cell of a place of the picture (row, column as fractions), or none."""
        cell = None
        if place is not None and self._shown is not None and self._shown.places is not None:
            places = self._shown.places
            row, column = (min(int(at * size), size - 1) for at, size in zip(place, places.shape, strict=True))
            cell = int(places[row, column])
        self.view.marked = None if cell == -1 else cell

    def show(self, answer: Shown) -> None:
        view = self.view
        with view.hold_sync():
            ready(view)
            view.done, view.progress = answer.done, answer.progress
            view.state = "partial" if answer.done < 1 else "ready"
            # until there is another, the map before stays
            if answer.atlas is None:
                return
            # once an atlas: its cells are thousands of words
            if self._shown is None or self._shown.atlas is not answer.atlas:
                self._chart(answer.atlas)
            self._shown = answer
            view.here = cell_counts(answer.places)
            view.caption = caption(answer.atlas, self.look, self.selection.image)
            self._sheet(answer.tiles, answer.done == 1)
            self._open(answer.atlas, answer.opened, answer.done == 1)
            self.point(self.selection.place)

    def wait(self, progress: str = "") -> None:
        self._partials.begin()
        self.view.state, self.view.message, self.view.done = "computing", progress, 0.0

    def fail(self, error: BaseException) -> None:
        self._shown = self._drawn = self._charted = self.cell = None
        self.source = None  # what can't be had is not tried again by itself
        with self.view.hold_sync():
            self.view.side, self.view.cells, self.view.sprite, self.view.opened = 0, [], b"", {}
            self.view.about, self.view.caption, self.view.note, self.view.progress = "", [], "", ""
            self.view.done, self.view.offer = 1.0, self._offer(self.selection)
            fail(self.view, error)

    def still(self) -> StillParts:
        shown = self._shown
        if shown is None or shown.atlas is None or shown.tiles is None:
            return {}
        lines = [caption(shown.atlas, self.look, self.selection.image)[:1], [regions(shown.atlas)]]
        picture = laid_out(shown.atlas, shown.tiles.pixels)
        return {"stage": StagePart(self.title, [about(shown.atlas)], picture, lines)}

    # -- drawing --------------------------------------------------------------------------------------

    def _chart(self, atlas: Atlas) -> None:
        view, names = self.view, [name for name, _ in Counter(cell.name for cell in atlas.cells).most_common()]
        view.classes = [name for name in names if name is not None]
        view.cells = [
            [cell.row, cell.column, view.classes.index(cell.name) if cell.name else -1, words(cell)]
            for cell in atlas.cells
        ]
        view.side, view.about, view.note = atlas.side, about(atlas), note(atlas)
        self._charted = self.source
        view.looks = looks(atlas)
        # its own tiles come later: those of the map before would stand at its cells
        view.sprite, self._drawn = b"", None

    def _sheet(self, tiles: Tiles | None, final: bool) -> None:
        now = time.monotonic()
        # a sprite of all tiles is up to a megabyte: of partial ones only as many are sent as their allowance holds
        early = not final and (now - self._told_at < PAUSE or not self._partials.allows(self.view.done))
        if tiles is None or tiles is self._drawn or early:
            return
        self._told_at, self._drawn = now, tiles
        data, kind = packed(tiles.pixels)
        self._partials.spend(len(data))
        self.view.sheet = {"tile": tiles.pixels.shape[1], "across": ACROSS, "kind": kind, "ready": tiles.ready}
        self.view.sprite = data

    def _open(self, atlas: Atlas, opened: Opened | None, final: bool) -> None:
        view = self.view
        if opened is None:
            view.opened, view.strip, view.made = {}, b"", b""
            return
        view.opened = cell_words(atlas, opened, self._names())
        view.strip = png(np.concatenate(list(opened.patches), axis=1)) if len(opened.patches) else b""
        if opened.made is None:
            view.made = b""
        elif final or self._partials.allows(view.done):
            view.made = png(opened.made)
            self._partials.spend(len(view.made))

    def _names(self) -> list[str]:
        """Return the names of the pictures that were mapped, where they are the Explorer's own."""
        data = self.source.data if isinstance(self.source, MapPictures) else ()
        return [picture.name for picture in data] if isinstance(data, tuple) else []

    # -- what a person does ---------------------------------------------------------------------------

    def _offer(self, selection: Selection) -> list[str]:
        layer = selection.layer
        if self.source is None:
            return [offered(len(self._data())), f"Draws places of each picture at '{layer}' and lays them out"]
        mapped = self.source.layer
        if mapped == layer:
            return []
        return [f"Map {layer} instead", f"The map on show is of '{mapped}'"]

    def _data(self) -> Items | tuple[Picture, ...]:
        """Return the data set to map: that of the given atlas, else the Explorer's, else its pictures."""
        known = self.links.library.whole if self._given is None else self._given
        return tuple(self.pictures.values()) if known is None else known

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "map":
            # an opened cell is one of the map before
            self.source, self.cell = MapPictures(self.selection.layer, self._data()), None
        elif event == "cancel":
            self._cancel()
        elif event == "look" and content["look"] in ("patches", "made"):
            self.look = content["look"]
        elif event == "cell":
            self.cell = content["cell"]
        elif event == "open":
            # it writes the selection, which makes the round of panels by itself
            self._open_picture(int(content["at"]))
            return
        else:
            return
        self.sync(self.selection)
        self.links.ask()

    def _open_picture(self, at: int) -> None:
        """Choose the picture that a patch of the opened cell was cut from."""
        opened = self._shown.opened if self._shown is not None else None
        if opened is None:
            return
        item, source = opened.examples[at].item, self.source
        data = source.data if isinstance(source, MapPictures) else self._given
        if data is None:
            raise NbvizError("This atlas was opened without its pictures: nbviz.Atlas.load(path, model, dataset).")
        self.selection.image = self.links.library.take(data[item] if isinstance(data, tuple) else data.read(item))

    def _cancel(self) -> None:
        """Go back to the map that was there, or to none."""
        before = self._shown.atlas if self._shown is not None else None
        # of the map on show only its made pictures can take long: another layer's map leaves the look as it was
        if self.source is self._charted and self.look == "made" and before is not None and before.has_pictures:
            self.look = "patches"
        self.source = self._charted
        with LOCK, self.view.hold_sync():
            self.view.state, self.view.progress, self.view.done = "ready", "", 1.0
