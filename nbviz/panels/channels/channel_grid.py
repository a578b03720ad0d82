"""Channel grid: a layer's channels, a page at a time, in one mosaic picture.

Sort, page, scale and mode are this panel's own: changing one redraws the last answer and computes nothing. Pictures
that stand for channels, made or found, come from panels of their own, which ask what it shows (:meth:`channels_in`)
and hand over what they have (:meth:`put`). What hovering says of a tile travels with the page, so pointing costs no
message.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import traitlets

from nbviz.model.target import Target
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.channels.grid_effects import MeasuredEffects
from nbviz.panels.channels.grid_words import about, edited_channels, look_data, modes, sheet_data, still_part
from nbviz.panels.channels.held_place import held, held_words
from nbviz.panels.channels.page_parts import filters_of, tile_notes, tiles_code
from nbviz.panels.scenes.channel_page import ChannelLook, ChannelsPage, Photos, make_page, mode_of, page_of, strongest
from nbviz.panels.snapshot.parts import StillParts
from nbviz.session.code import Script
from nbviz.session.requests.base import ChannelsAnswer, ChannelsRequest, Request
from nbviz.session.requests.edits.effects import EffectsAnswer, MeasureEffects
from nbviz.session.requests.health import HealthAnswer
from nbviz.session.selection import CHANNELS, Selection


class ChannelGrid(Front):
    """Widget of a mosaic whose tiles are options of a listbox.

    Sends ``{"event": …}``: choose (channel), gather (channels, on), canvas, explanation, page (page), look (mode, sort,
    shared or recipe), and for pictures cancel and begin.
    """

    scripts = ("channel_tiles",)

    about = traitlets.Unicode().tag(sync=True)
    """The layer as text, beside the title."""
    modes: traitlets.List[list[Any]] = traitlets.List().tag(sync=True)
    """[[key, text, tip, enabled], …] of the switch."""
    look = traitlets.Dict().tag(sync=True)
    """mode, sort, shared, recipe; scalable: the scale can be chosen; measured: effects are there to sort by."""
    mosaic = traitlets.Bytes().tag(sync=True)
    """One picture of all tiles, of the sheet's kind; empty where they are bars."""
    bars = traitlets.List(traitlets.Float()).tag(sync=True)
    """For a layer of numbers: each tile's share, −1…1 of the largest, or 0…1 where none is negative."""
    sheet = traitlets.Dict().tag(sync=True)
    """columns, rows, tile_height, tile_width, gap, kind of the mosaic; aspect of a tile on screen; signed; photos."""
    channels = traitlets.List(traitlets.Int()).tag(sync=True)
    """Channel of each tile of the page."""
    words = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """Figures of each tile of the page."""
    edited = traitlets.List(traitlets.Int()).tag(sync=True)
    """Channels of the page that are switched off, scaled or clamped."""
    ill = traitlets.List(traitlets.Int()).tag(sync=True)
    """Channels of the page that were found to do nothing of their own; their words say what."""
    first = traitlets.Int(0).tag(sync=True)
    total = traitlets.Int(0).tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    pages = traitlets.Int(1).tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    held = traitlets.Unicode().tag(sync=True)
    """Where the chosen channel belongs by now, whose tile has stayed; empty where it is there."""
    progress = traitlets.Unicode().tag(sync=True)
    """How far the pictures are, as text; empty when they are there."""
    share = traitlets.Float(0.0).tag(sync=True)
    """The same in 0…1."""
    begin = traitlets.Unicode().tag(sync=True)
    """Label of the button that begins, or goes on; empty for none."""
    offer = traitlets.Unicode().tag(sync=True)
    """A sentence in the tiles' place: what could be here."""
    channel = traitlets.Int(None, allow_none=True).tag(sync=True)
    """The chosen one."""
    group = traitlets.List(traitlets.Int()).tag(sync=True)
    """Those chosen together with it."""
    on_canvas = traitlets.Bool(False).tag(sync=True)
    """True if the chosen one's map lies on the canvas."""
    marked = traitlets.List(traitlets.Int()).tag(sync=True)
    """Channels strongest at the place pointed at."""


class ChannelsPanel(Panel):
    """Panel that chooses ``selection.channel`` and ``group``, and with a second click ``selection.canvas``."""

    slot = "channels"
    reads = frozenset(("image", "layer", "target", "channel", "group", "canvas", "place", "edits", "original"))
    asks = frozenset(("image", "layer", "target"))
    hears = ("switch",)

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.look = ChannelLook()
        self.page: ChannelsPage | None = None
        self._answer: ChannelsAnswer | None = None
        self._filters: np.ndarray | None = None
        self._photos: dict[str, Photos] = {}
        self._health: HealthAnswer | None = None
        self.measured: MeasuredEffects | None = None
        self.view = ChannelGrid(modes=modes(False), look=look_data(self.look, None, True, False))
        self.listen(self.view, self._act)

    def request(self, selection: Selection) -> Request | None:
        picture, target = self.pictures[selection.image], Target.ensure(selection.target, self.model)
        return ChannelsRequest(picture, selection.layer, target)

    def code(self, script: Script) -> str:
        answer, page = self._answer, self.page
        if answer is None or page is None:
            return ""
        mode, layer, channels = mode_of(self.look, self._filters), answer.layer, page.channels
        if mode != "maps":
            return tiles_code(script, mode, layer, channels, self.look.recipe, self.links.library.knowing(layer))
        asked = self.request(self.selection)
        model = "model" if asked is None else script.network(self.with_edits(asked))
        return script.channels(self.pictures[self.selection.image], layer, str(channels), model)

    def sync(self, selection: Selection) -> None:
        self.view.on_canvas = selection.canvas == "channel"
        self.point(selection.place)
        answer = self._answer
        if answer is not None and answer.layer == selection.layer and selection.channel is not None:
            if selection.channel != self.view.channel and selection.channel not in self.view.channels:
                self._draw(answer, page_of(answer, self.look, self._filters, selection.channel))
            self.view.channel = selection.channel
        self.view.group = list(selection.group)
        self._say_again()

    def hear(self, slot: str, request: Request | None, answer: EffectsAnswer | None) -> None:
        """Take over the effects measured so far, and sort by them."""
        known, self.measured = self.measured, MeasuredEffects.of(request, answer)
        if self.measured is None or self._answer is None or self.page is None:
            return
        if self.measured.begins(known) and self.look.sort == "class":
            self.look = held(replace(self.look, sort="effect", page=0), self.page, self.selection.channel, first=0)
        if self.measured.worth_drawing(known):
            self._answer = replace(self._answer, effects=self._effects())
            self._draw(self._answer, self.look.page)

    def _effects(self) -> np.ndarray | None:
        """Return the measured effects of what is on show, (C,); None where there are none."""
        target = Target.ensure(self.selection.target, self.model)
        asked = MeasureEffects(self.pictures[self.selection.image], self.selection.layer, target)
        return self.measured.column if self.measured is not None and self.measured.request == asked else None

    def point(self, place: tuple[float, float] | None) -> None:
        """Mark the channels strongest at a place (row, column as fractions of the picture), or none."""
        self.view.marked = self.strongest(place) if place is not None else []

    def strongest(self, place: tuple[float, float]) -> list[int]:
        """Return the four channels of the layer on show with the largest absolute activation at a place."""
        return strongest(self._answer, place) if self._answer is not None else []

    def channels_in(self, mode: str, selection: Selection) -> tuple[int, ...] | None:
        """Return the channels of the page on show, where it shows this mode; None where it doesn't."""
        answer = self._answer
        elsewhere = answer is None or answer.layer != selection.layer or selection.stage != CHANNELS
        return None if elsewhere or self.page is None or self.look.mode != mode else tuple(self.page.channels)

    def put(
        self, mode: str, photos: Photos, progress: str = "", share: float = 0.0, begin: str = "", offer: str = ""
    ) -> None:
        """Show pictures for the page, so far; begin: the button's label; offer: a sentence in the tiles' place."""
        self._photos[mode] = photos
        if self.look.mode != mode or self._answer is None or self.page is None:
            return
        with self.view.hold_sync():
            ready(self.view)
            self._draw(self._answer, self.look.page)
            self.view.progress, self.view.share, self.view.begin, self.view.offer = progress, share, begin, offer
            if offer:
                self.view.channels, self.view.words, self.view.mosaic = [], [], b""

    def judge(self, found: HealthAnswer | None) -> None:
        """Mark the channels that do nothing of their own; None takes the marks away."""
        self._health = found
        self._say_again()

    def _say_again(self) -> None:
        if self._answer is not None and self.page is not None and self.view.channels:
            with self.view.hold_sync():
                self._say(self._answer.layer, self.page)

    def _say(self, layer: str, page: ChannelsPage) -> None:
        findings = self._health.findings.get(layer, {}) if self._health is not None else {}
        edited = edited_channels(self.selection, page.channels)
        self.view.words = tile_notes(page, edited, {channel: words for channel, (_, words) in findings.items()})
        self.view.ill = [channel for channel in page.channels if channel in findings]
        self.view.edited = sorted(edited)

    def refuse(self, mode: str, error: BaseException) -> None:
        """Show why there are no pictures of this mode; the other modes are still there."""
        self._photos.pop(mode, None)
        if self.look.mode == mode:
            with self.view.hold_sync():
                self._empty()
                fail(self.view, error)

    def _empty(self) -> None:
        self._quiet()
        self.view.mosaic, self.view.bars, self.view.channels, self.view.words = b"", [], [], []
        self.view.caption = self.view.note = self.view.held = ""

    def _quiet(self) -> None:
        self.view.progress, self.view.share, self.view.begin, self.view.offer = "", 0.0, "", ""

    def show(self, answer: ChannelsAnswer) -> None:
        if fresh := self._answer is None or self._answer.layer != answer.layer:
            self._photos.clear()
            self._quiet()
        self._answer = answer = replace(answer, effects=self._effects())
        self._filters = filters_of(self.links.context, answer)
        chosen = self.selection.channel
        if chosen is None or chosen >= len(answer.peaks) or self.selection.layer != answer.layer:
            chosen = int(answer.order("class")[0])
        with self.view.hold_sync():
            ready(self.view)
            self.view.about = about(self.model.layer(answer.layer), answer)
            self.view.channel = chosen
            self._follow(answer, chosen, fresh or self.selection.channel is None)
            self.point(self.selection.place)

    def wait(self, progress: str = "") -> None:
        self.view.state, self.view.message = "computing", progress

    def fail(self, error: BaseException) -> None:
        self._answer = self.page = None
        with self.view.hold_sync():
            self.view.about = self.selection.layer
            self.view.channel, self.view.page, self.view.pages, self.view.total = None, 0, 1, 0
            self._empty()
            fail(self.view, error)

    def still(self) -> StillParts:
        return {} if self.page is None else {"channels": still_part(self.page, self.view, self.look)}

    def _follow(self, answer: ChannelsAnswer, channel: int, wish: bool) -> None:
        """Draw the page that a channel belongs on; without a ``wish`` for it, the page and its tile stay."""
        self.look = held(self.look, self.page, None if wish else channel)
        self._draw(answer, page_of(answer, self.look, self._filters, channel) if wish else self.look.page)

    def _draw(self, answer: ChannelsAnswer, page: int) -> None:
        self.look = replace(self.look, page=page)
        self.page = drawn = make_page(answer, self.look, self._filters, self._photos.get(self.look.mode))
        view, total = self.view, len(answer.peaks)
        with view.hold_sync():
            view.modes = modes(self._filters is not None)
            view.look = look_data(self.look, self._filters, answer.maps.places, answer.effects is not None)
            view.mosaic, view.bars = b"" if drawn.heights else drawn.mosaic.data, drawn.heights
            view.sheet = sheet_data(drawn) | {"signed": answer.maps.signed}
            view.channels = drawn.channels
            self._say(answer.layer, drawn)
            view.caption, view.note, view.first = drawn.caption, drawn.note, drawn.first
            view.held, view.total, view.page = held_words(answer, self.look, drawn), total, page
            view.pages = -(-total // drawn.per_page)

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "choose":
            self.selection.channel = content["channel"]
        elif event == "gather":
            self._gather(content["channels"], bool(content["on"]))
        elif event in ("canvas", "explanation"):
            self.selection.canvas = "channel" if event == "canvas" else "explanation"
        elif event in ("page", "look", "follow"):
            self._redraw(content)
            self.links.ask()

    def _gather(self, channels: list[int], on: bool) -> None:
        """Choose channels together with those that are chosen, or no more with them; one at least stays."""
        now = [self.view.channel, *self.selection.group]
        left = [*now, *channels] if on else [channel for channel in now if channel not in channels] or now[:1]
        self.selection.change(channel=left[0], group=left[1:])

    def _redraw(self, content: dict[str, Any]) -> None:
        """Turn the page, or look at the same answer in another way."""
        wanted = content.get("look", {})
        self.look = replace(self.look, **wanted)
        if self._answer is None or self.page is None:
            self.view.look = look_data(self.look, None, True, False)
            return
        if content.get("event") == "follow":
            self._follow(self._answer, self.view.channel, wish=True)
            return
        if wanted.keys() & {"mode", "recipe"}:
            self._quiet()
            ready(self.view)
            self._photos.pop("made" if "recipe" in wanted else "", None)
        # a new order is read from its start; a new scale or mode keeps what is in sight
        if "sort" in wanted:
            self.look = held(self.look, self.page, self.selection.channel, first=0)
        seen = 0 if "sort" in wanted else page_of(self._answer, self.look, self._filters, self.page.channels[0])
        self._draw(self._answer, min(max(content.get("page", seen), 0), self.view.pages - 1))
