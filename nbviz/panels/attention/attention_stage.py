"""Stage of attention: a grid of heads by layers, and the chosen one large over the picture.

A click on a patch, here or on the canvas, pins it: then every head shows what that patch looks at. Which head, who
looks and whether the class weighs in is the Selection's; scale and rollout are this panel's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from nbviz.attention.heads import ALL_PLACES
from nbviz.attention.views import BlockSeen
from nbviz.drawing.numbers import three_digits
from nbviz.drawing.overlay import backdrop, colour_bar
from nbviz.errors import NbvizError
from nbviz.model.target import Target
from nbviz.panels.attention.attention_page import (
    HeadsPage,
    about,
    caption,
    figures,
    head_name,
    labels,
    large,
    looker,
    note,
    rollout_figures,
    sheet,
)
from nbviz.panels.attention.attention_still import still
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import Content
from nbviz.panels.base.stage import Stage, register
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.snapshot.parts import StillParts
from nbviz.passes.graph.attention_count import attention_blocks
from nbviz.session.requests.base import Request
from nbviz.session.requests.heads import HeadsAnswer, LookFrom, check_head
from nbviz.session.selection import Selection


class AttentionFront(Front):
    """Widget of the grid of heads, and one of them large.

    Sends ``{"event": …}``: head (row, column), layer (name), look (shared or rollout), query (name), attention
    (name), place ([row, column] or null), retry.
    """

    scripts = ("head_grid",)

    about = traitlets.Unicode().tag(sync=True)
    """The network's attention as text, beside the title."""
    queries: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[key, text, tip], …] of who may look."""
    query = traitlets.Unicode("reads").tag(sync=True)
    weighings: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[key, text, tip], …] of the switch."""
    attention = traitlets.Unicode("raw").tag(sync=True)
    shared = traitlets.Bool(False).tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """A layer each: [label, name, whether it is the chosen layer]."""
    sheet = traitlets.Bytes().tag(sync=True)
    """One PNG of all tiles."""
    shape = traitlets.Dict().tag(sync=True)
    """columns, tile_height, tile_width, gap of the sheet; aspect (width over height) of the picture."""
    words: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Figures of each tile, row by row; empty where there is no head."""
    caption: traitlets.List[Any] = traitlets.List().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    head: traitlets.List[Any] = traitlets.List([0, 0]).tag(sync=True)
    """Row and column of the chosen tile; the last column is the mean."""
    title: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """Runs above the large map."""
    map = traitlets.Bytes().tag(sync=True)
    """PNG of the large map at its own resolution."""
    backdrop = traitlets.Bytes().tag(sync=True)
    """JPEG of the picture in gray."""
    grid: traitlets.List[Any] = traitlets.List([1, 1]).tag(sync=True)
    """Rows and columns of the large map."""
    place = traitlets.Any(None).tag(sync=True)
    """The pinned place as [row, column], fractions; None for none."""
    alt = traitlets.Unicode().tag(sync=True)
    """The large picture as text."""
    bar = traitlets.Bytes().tag(sync=True)
    high = traitlets.Unicode().tag(sync=True)
    """The value of the last colour of the large map."""
    figures: traitlets.List[Any] = traitlets.List().tag(sync=True)
    """[[name, value, meaning], …]"""
    rollout = traitlets.Bool(False).tag(sync=True)
    """True if the large map is the rollout up to the chosen layer."""
    no_rollout = traitlets.Unicode().tag(sync=True)
    """Why there is none; empty where there is."""


@register
class AttentionStage(Stage):
    """Stage that chooses ``selection.head``, ``query``, ``attention``, ``pinned``, and a row's layer."""

    slot, title, order = "attention", "Attention", 20
    reads = frozenset(("image", "target", "attention", "pinned_place", "query", "head", "layer"))
    # another head, or layer, is another look at the same answer
    asks = frozenset(("image", "target", "attention", "pinned_place", "query"))
    sentence = "What every head of every layer looks at in this picture"

    def __init__(self, links: Links) -> None:
        super().__init__(links)
        self.view = AttentionFront(bar=colour_bar(150, 11, False))
        self.listen(self.view, self._act)
        self.drawn: HeadsPage | None = None
        self._answer: HeadsAnswer | None = None
        self._pictured: np.ndarray | None = None

    def offered(self, selection: Selection) -> bool:
        # None before a graph of the network was seen: its tab comes once there is known to be something to show
        return bool(attention_blocks(self.model))

    def request(self, selection: Selection) -> Request | None:
        # None is asked: where nobody has counted yet, the answer says whether there is any
        if not self.on_show(selection) or attention_blocks(self.model) == 0:
            return None
        # raw attention is the same for every class: without one in the request, another class asks nothing
        target = Target.ensure(selection.target, self.model) if selection.attention == "gradient" else None
        return LookFrom(self.pictures[selection.image], selection.pinned_place or selection.query, target)

    def sync(self, selection: Selection) -> None:
        target = Target.ensure(selection.target, self.model)
        with self.view.hold_sync():
            self.view.place = None if selection.pinned_place is None else list(selection.pinned_place)
            self.view.attention = selection.attention
            self.view.weighings = weighings("what it predicts" if target.predicted else target.words(self.model))
            if self._answer is not None:
                self._describe(self._answer)

    def show(self, answer: HeadsAnswer) -> None:
        self._answer = answer
        with self.view.hold_sync():
            ready(self.view)
            if answer.done < 1:
                self.view.state = "partial"
                placed = f"{len(answer.seen.blocks)} of {answer.heads.total} layers"
                self.view.message = f"finding where tokens lie: {placed}"
            # the partial answers are over one picture
            if answer.picture is not self._pictured:
                self._pictured, self.view.backdrop = answer.picture, backdrop(answer.picture)
            if answer.seen.blocks:
                self._draw(answer)

    def wait(self, progress: str = "") -> None:
        self.view.state, self.view.message = "computing", progress

    def fail(self, error: BaseException) -> None:
        self._answer = self.drawn = self._pictured = None
        with self.view.hold_sync():
            self.view.rows, self.view.words, self.view.sheet, self.view.map = [], [], b"", b""
            self.view.caption, self.view.note, self.view.title, self.view.figures = [], "", [], []
            self.view.about, self.view.backdrop = "", b""
            fail(self.view, error)

    @property
    def settings(self) -> list[str]:
        """Settings of the stage, for a still picture."""
        weighing = "Raw" if self.view.attention == "raw" else "For the class"
        return [weighing, "Shared scale" if self.view.shared else "Own scale"]

    def still(self) -> StillParts:
        return {} if self.drawn is None else still(self.drawn, self.view, self.settings)

    # -- painting -------------------------------------------------------------------------------------

    def _draw(self, answer: HeadsAnswer) -> None:
        view = self.view
        drawn = sheet(answer.seen.blocks, view.shared)
        height, width = answer.picture.shape[:2]
        view.sheet, view.words, view.about = drawn.png, drawn.words, about(answer)
        view.shape = {
            "columns": drawn.columns, "tile_height": drawn.tile[0], "tile_width": drawn.tile[1], "gap": 1,
            "aspect": width / height,
        }  # fmt: skip
        view.caption, view.note = caption(answer, drawn.peak, view.shared), note(answer)
        self.drawn = HeadsPage(answer, drawn, 0, 0, answer.seen.blocks[0].maps[-1])
        self._describe(answer)

    def _describe(self, answer: HeadsAnswer) -> None:
        """Describe the large map and what stands beside it; the rows' marks."""
        blocks, view, drawn = answer.seen.blocks, self.view, self.drawn
        if drawn is None or not blocks:
            return
        row, head = self._chosen(answer)
        block = blocks[row]
        names = zip(labels(blocks), [seen.layer for seen in blocks], strict=True)
        view.rows = [[text, name, self._is_layer(name)] for text, name in names]
        view.head = [row, drawn.sheet.columns - 1 if head == block.heads else head]
        view.no_rollout = answer.seen.no_rollout
        view.query = "place" if not isinstance(answer.query, str) else answer.query
        view.queries = queries(answer)
        rolled = view.rollout and block.rollout is not None
        values = block.rollout if rolled and block.rollout is not None else block.maps[head]
        self.drawn = HeadsPage(answer, drawn.sheet, row, head, values)
        view.map, view.grid, view.high = large(values), list(values.shape), three_digits(float(np.nanmax(values)))
        view.figures = rollout_figures(blocks, row) if rolled else figures(answer, block, head)
        view.title = title(answer, block, head, rolled)
        view.alt = f"{''.join(run if isinstance(run, str) else run[0] for run in view.title)}, over the picture in gray"

    def _chosen(self, answer: HeadsAnswer) -> tuple[int, int]:
        """Return row and head of the selection; without one, the mean of the chosen layer, else of the last."""
        blocks = answer.seen.blocks
        chosen: tuple[Any, ...] | None = self.selection.head
        if chosen is not None:
            try:
                check_head(chosen, answer.heads.counts)
            except NbvizError as error:  # it was written before anyone knew how many there are
                self.view.note = f"{error} Shown is a mean over all heads."
                chosen = None
        row = next((i for i, block in enumerate(blocks) if chosen and block.number == chosen[0]), self._row(answer))
        head = chosen[1] if chosen and blocks[row].number == chosen[0] else None
        return row, blocks[row].heads if head is None else head

    def _row(self, answer: HeadsAnswer) -> int:
        """Return the row of the last attention in the chosen layer, or around it; the last row where there is none."""
        chosen = self.selection.layer
        names = [block.layer for block in answer.seen.blocks]
        rows = [row for row, name in enumerate(names) if name.startswith(f"{chosen}.") or self._is_layer(name)]
        return rows[-1] if rows else len(names) - 1

    def _is_layer(self, name: str) -> bool:
        chosen = self.selection.layer
        return bool(name) and (chosen == name or chosen.startswith(f"{name}."))

    # -- a person's own events ------------------------------------------------------------------------

    def _act(self, content: Content) -> None:
        event = content.get("event")
        if event == "head":
            self._choose(content["row"], content["column"])
        elif event == "layer":
            self.selection.layer = content["name"]
        elif event == "attention":
            self.selection.attention = content["name"]
        elif event == "query":
            self._look_from(content["name"])
        elif event == "place":
            self.selection.set_trait("pinned_place", tuple(content["place"]) if content["place"] else None)
        elif event == "look":
            with self.view.hold_sync():
                self._look(content)

    def _choose(self, row: int, column: int) -> None:
        # the click may be on the sheet of an answer before this one
        if self._answer is not None and row < len(self._answer.seen.blocks):
            block = self._answer.seen.blocks[row]
            self.selection.head = block.number, column if column < block.heads else None

    def _look_from(self, name: str) -> None:
        if name != "place":
            self.selection.change(query=name, pinned_place=None)

    def _look(self, content: dict[str, Any]) -> None:
        """Look at the same answer in another way."""
        view, answer = self.view, self._answer
        view.rollout = bool(content.get("rollout", view.rollout))
        if "shared" in content:
            view.shared = bool(content["shared"])
        if answer is not None and answer.seen.blocks:
            # rollout changes the large map alone: the sheet of all heads need not travel again
            self._draw(answer) if "shared" in content else self._describe(answer)


def weighings(target: str) -> list[list[str]]:
    """Return the choices between attention as it is and the part that speaks for the class."""
    return [
        ["raw", "Raw", "The attention probabilities: where each head looks, for any class"],
        ["gradient", "For the class", f"Attention × its gradient for {target}, its positive part (Chefer et al. 2021)"],
    ]


def queries(answer: HeadsAnswer) -> list[list[str]]:
    """Return the choices of the query."""
    reads = answer.heads.reads
    short = reads.removeprefix("the ")
    choices = [["reads", short[0].upper() + short[1:], f"From {reads}: what the score reads after the last layer"]]
    if reads != ALL_PLACES:
        choices.append(["mean", "All patches", "The mean over all patches as those who look"])
    pinned = not isinstance(answer.query, str)
    return [*choices, ["place", "Pinned patch", f"From {looker(answer)}, which is pinned"]] if pinned else choices


def title(answer: HeadsAnswer, block: BlockSeen, head: int, rolled: bool) -> list[Any]:
    """Return the title above the large map, as runs."""
    who = looker(answer, block if block.heads else None).removeprefix("the patch in ")
    if rolled:
        return [["Rollout", "strong"], f" to {block.layer or block.number}, from {who}"]
    return [[head_name(block, head).capitalize(), "strong"], f" of {block.layer or block.number}, from {who}"]
