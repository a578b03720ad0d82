"""Draws of a random transform, tile beside tile: drawn into the desk of transformations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from nbviz.drawing.numbers import percent, signed
from nbviz.drawing.overlay import photo_mosaic
from nbviz.edits import PRESETS, Augmentation
from nbviz.model.edit import Edit
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.base.strip import fail, ready
from nbviz.panels.whatif.desk import MAP_READS
from nbviz.panels.whatif.map_over import map_over
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.draws import DRAWS, DrawsAnswer, MeasureDraws, PictureDraw
from nbviz.session.requests.edits.likeness import Likeness
from nbviz.session.requests.on_show import explanation
from nbviz.session.selection import Selection

COLUMNS, SIDE = 4, 112
MOST, SOME = 0.5, 0.15
"""Shares of the way from the map laid elsewhere to an equal one, from which it moves with the picture, or in part."""
OWN = "own "
"""In front of the name of a transform of one's own, in the menu's keys."""


class DrawsHost(Protocol):
    """Protocol of the desk that shows the draws."""

    view: Front
    source: str

    def others(self) -> tuple[Edit, ...]: ...


class TransformDraws(Panel):
    """Panel that draws from a preset or a transform of one's own; its desk has the view."""

    slot = "draws"
    reads = MAP_READS
    edits = False

    def __init__(self, links: Links, desk: DrawsHost) -> None:
        super().__init__(links)
        self.desk, self.view, self.answer = desk, desk.view, DrawsAnswer(0)

    def source(self) -> Augmentation | str | None:
        """Return what is drawn from; None where the desk has a slider instead."""
        name = self.desk.source
        return self.links.transforms.get(name.removeprefix(OWN)) if name.startswith(OWN) else name or None

    def request(self, selection: Selection) -> Request | None:
        source = self.source()
        if selection.tool != "transform" or source is None:
            return None
        return MeasureDraws(self.desk.others(), source, explanation(selection, self.model, self.pictures))

    def show(self, answer: DrawsAnswer) -> None:
        self.answer, view = answer, self.view
        with LOCK, view.hold_sync():
            ready(view)
            sheet = photo_mosaic([one.seen for one in answer.draws], COLUMNS, SIDE)
            maps = photo_mosaic([drawn_map(one) for one in answer.draws], COLUMNS, SIDE)
            view.set_trait("sheets", [sheet.data, maps.data])
            view.set_trait("tile", {"columns": COLUMNS, "rows": sheet.rows, "tile_width": SIDE, "tile_height": SIDE,
                                    "gap": sheet.gap})  # fmt: skip
            view.set_trait("draws", [self._tile(one) for one in answer.draws])
            view.set_trait("lines", draw_lines(answer, self.model.class_name))

    def _tile(self, drawn: PictureDraw) -> list[Any]:
        """Return [answer, share, whether it is the same, what was done]."""
        words = " · ".join(edit.words for edit in drawn.edits) or "left as it is"
        return [self.model.class_name(drawn.index), percent(drawn.share, 0), drawn.index == self.answer.index, words]

    def wait(self, progress: str = "") -> None:
        self.view.state = "computing"

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self.view.set_trait("draws", [])
            self.view.set_trait("lines", [])
            fail(self.view, error)


def menu(transforms: Sequence[str]) -> list[list[str]]:
    """Return [key, words, sentence] of all that can be drawn from, the reader's own first."""
    own = [[f"{OWN}{name}", f"{DRAWS} draws: {name}", "Your own transform, drawn from by seed"] for name in transforms]
    return own + [[name, f"{DRAWS} draws: {known.title}", known.sentence] for name, known in PRESETS.items()]


def drawn_map(drawn: PictureDraw) -> np.ndarray | None:
    """Return a draw's map over its picture in gray, uint8 (H, W, 3); None while it is still to come."""
    return None if drawn.attribution is None else map_over(drawn.attribution, drawn.seen)


def draw_lines(answer: DrawsAnswer, name_of: Callable[[int], str]) -> list[list[Any]]:
    """Describe how often the answer stays, and whether the map moves with the picture. name_of: class → its name."""
    count, name = len(answer.draws), [name_of(answer.index), "em"]
    first: list[Any] = ["the answer stays ", name, " in ", [f"{answer.stays} of {count}", "strong"], " draws"]
    shares = [one.share for one in answer.draws if one.index == answer.index]
    if len(shares) > 1:
        first.append(f", at {100 * min(shares):.0f} to {percent(max(shares), 0)}")
    others = Counter(one.index for one in answer.draws if one.index != answer.index).most_common(1)
    if others:
        first += ["; most often else ", [name_of(others[0][0]), "em"], f" ({others[0][1]})"]
    result = [first]
    if (alike := answer.likeness) is not None:
        result.append(likeness_line(alike, True))
    return result


def likeness_line(alike: Likeness, moves: bool) -> list[Any]:
    """Describe whether a map does as the picture, beside the same map laid elsewhere. moves: whether the picture is."""
    # most maps are strong in the middle and alike wherever they are laid: only what is beyond that tells
    beyond = (alike.cosine - alike.elsewhere) / max(1 - alike.elsewhere, 1e-12)
    does, fails = ("moves with the picture", "move with it") if moves else ("stays as it is", "stay as it is")
    verdict = f"the map {does}" if beyond > MOST else f"the map does not {'always ' if beyond > SOME else ''}{fails}"
    foretold = "the moved map" if moves else "the map before"
    return [
        f"{verdict}: on average {foretold} and the map of the changed picture have cosine ",
        [signed(alike.cosine), "strong"], f"; laid elsewhere {signed(alike.elsewhere)}",
    ]  # fmt: skip
