"""Picture made again by the layer on show: its inversion, its caricature, its dream.

A line under the grid's made pictures; opened, three pictures beside the one the network sees, and a slider over
depth, which chooses the layer everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
from traitlets.utils.bunch import Bunch

from nbviz.drawing.overlay import photo_mosaic
from nbviz.model.instrumented import InstrumentedModel
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.channels.channel_grid import ChannelsPanel
from nbviz.panels.scenes.allowance import Allowance
from nbviz.session.requests.base import Request
from nbviz.session.requests.one_picture import KINDS, Remade, Remake
from nbviz.session.selection import CHANNELS, Selection

SIDE, STOPS = 144, 12
"""Pixels a side of a picture; layers along the slider."""
PARTIALS = 400_000
"""Bytes of all unfinished rows of one layer's three pictures."""
SEEN = ["as seen", "The picture as the network sees it"]
LABELS = {"keeps": "what it keeps", "more": "more of it", "dream": "dreamt further"}


class PictureMadeFront(Front):
    """Widget of the three pictures; sends ``{"event": …}``: open (opened), layer (at)."""

    shown = traitlets.Bool(False).tag(sync=True)
    """True if the grid shows made pictures."""
    opened = traitlets.Bool(False).tag(sync=True)
    pictures = traitlets.Bytes().tag(sync=True)
    """JPEG of the tiles in a row."""
    tiles: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[label, words], …]"""
    sheet: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    progress = traitlets.Unicode().tag(sync=True)
    share = traitlets.Float(0.0).tag(sync=True)
    stops: traitlets.List[Any] = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Layers along the slider, from the picture on."""
    at = traitlets.Int(0).tag(sync=True)
    layer = traitlets.Unicode().tag(sync=True)


class PictureMade(Panel):
    """Panel that asks while it is open; its slider writes ``selection.layer``."""

    slot = "remade"
    reads = frozenset(("image", "layer", "stage"))

    def __init__(self, links: Links, grid: ChannelsPanel) -> None:
        super().__init__(links)
        self.view = PictureMadeFront()
        self._partials = Allowance(PARTIALS)
        self.listen(self.view, self._act)
        grid.view.observe(self._follow, "look")

    def _follow(self, change: Bunch) -> None:
        self.view.shown = change["new"].get("mode") == "made"

    def awake(self, selection: Selection) -> bool:
        return self.view.shown

    def request(self, selection: Selection) -> Request | None:
        on = self.view.shown and self.view.opened and selection.stage == CHANNELS
        return Remake(self.pictures[selection.image], selection.layer) if on else None

    def sync(self, selection: Selection) -> None:
        self.view.layer = selection.layer
        if selection.layer in self.view.stops:
            self.view.at = self.view.stops.index(selection.layer)

    def wait(self, progress: str = "") -> None:
        self._partials.begin()
        self.view.state, self.view.progress = "computing", "begins"

    def show(self, answer: Remade) -> None:
        names = stops(self.model)
        with self.view.hold_sync():
            ready(self.view)
            # together: an index into the old list would name another layer
            self.view.stops, self.view.at = names, nearest_stop(self.model, names, answer.layer)
            self.view.tiles = [SEEN, *([LABELS[k], words(answer, k)] for k in KINDS)]
            if self._partials.allows(answer.done):
                self._draw(answer)
            self.view.progress, self.view.share = (answer.progress, answer.done) if answer.done < 1 else ("", 0.0)

    def _draw(self, answer: Remade) -> None:
        seen = self.model.seen(self.pictures[self.selection.image])
        pixels = {kind: item.pixels[0] for kind, item in answer.made.items()}
        drawn = photo_mosaic([seen, *(pixels.get(kind) for kind in KINDS)], 1 + len(KINDS), SIDE)
        self.view.pictures = drawn.data
        self.view.sheet = {"columns": drawn.columns, "side": drawn.tile_width, "gap": drawn.gap}
        self._partials.spend(len(drawn.data))

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.pictures, self.view.tiles, self.view.progress = b"", [], ""
            fail(self.view, error)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "layer":
            self.selection.layer = self.view.stops[content["at"]]
        elif event == "open":
            self.view.opened = bool(content["opened"])
            self.links.ask()


def stops(model: InstrumentedModel) -> list[str]:
    """Return at most twelve layers with places, evenly along the network."""
    layers = [layer for layer in model.layers().walk() if layer.name and layer.channels and layer.places]
    layers = sorted((layer for layer in layers if not layer.children), key=lambda layer: layer.first_call or 0)
    # leaves alone: blocks that hold them would stand at the same depth twice
    places = np.linspace(0, max(0, len(layers) - 1), min(STOPS, len(layers))).round().astype(int)
    return [layers[place].name for place in places.tolist()]


def nearest_stop(model: InstrumentedModel, names: Sequence[str], layer: str) -> int:
    """Return the number of the slider's layer that comes closest to this one in depth."""
    if not names:
        return 0
    here = model.layer(layer).first_call or 0
    return min(range(len(names)), key=lambda place: abs((model.layer(names[place]).first_call or 0) - here))


def words(answer: Remade, kind: str) -> str:
    """Describe a picture, with how near it came."""
    if kind not in answer.made:
        return "Not begun"
    if kind == "more":
        return f"From noise, more of what {answer.layer} says of this picture"
    if kind == "dream":
        return f"The picture, changed so that {answer.layer} says more of all that it sees in it"
    rise = answer.made[kind].rise[0]
    taken = rise[np.isfinite(rise)]
    off = f"; what it says of it differs by {100 * -float(taken[-1]):.0f} %" if len(taken) else ""
    return f"From noise, a picture of which {answer.layer} says the same{off}"
