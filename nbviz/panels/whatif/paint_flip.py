"""Until it flips: how much of the picture must be hidden, where the map says, at random, and along plain edges."""

from __future__ import annotations

from typing import Any, Protocol

from nbviz.attribution import METHODS
from nbviz.drawing.numbers import percent
from nbviz.model.edit import Edit
from nbviz.panels.base.front import Front
from nbviz.panels.base.links import Links
from nbviz.panels.base.panel import LOCK, Panel
from nbviz.panels.base.strip import fail
from nbviz.panels.whatif.desk import MAP_READS, part_ready
from nbviz.pictures.picture import Picture
from nbviz.session.requests.base import Request
from nbviz.session.requests.edits.flip import RANDOMS, SHARES, FlipAnswer, ScanFlip
from nbviz.session.requests.on_show import explanation
from nbviz.session.selection import Selection

MOST = percent(SHARES[-1])


class FlipHost(Protocol):
    """Protocol of the desk that shows the curves."""

    view: Front

    def others(self) -> tuple[Edit, ...]: ...
    def fill(self) -> str | Picture: ...


class PaintFlip(Panel):
    """Panel that scans when asked to; its desk has the view."""

    slot = "until it flips"
    reads = MAP_READS
    edits = False

    def __init__(self, links: Links, desk: FlipHost) -> None:
        super().__init__(links)
        self.desk, self.view = desk, desk.view
        self.wanted: ScanFlip | None = None
        """The scan that was asked for; any other selection asks another question."""

    def scan(self) -> ScanFlip:
        """Return the request for the selection as it is."""
        return ScanFlip(self.desk.others(), self.desk.fill(), explanation(self.selection, self.model, self.pictures))

    def request(self, selection: Selection) -> Request | None:
        if self.wanted is None or selection.tool != "paint":
            return None
        return self.wanted if self.scan() == self.wanted else None

    def sync(self, selection: Selection) -> None:
        if self.request(selection) is None:
            with LOCK, self.view.hold_sync():
                self._put({}, [], 0.0)

    def show(self, answer: FlipAnswer) -> None:
        with LOCK, self.view.hold_sync():
            part_ready(self.view)
            assert self.wanted is not None
            title = METHODS[self.wanted.explanation.method].title
            words = flip_words(answer, self.model.class_name(answer.index), title)
            self._put(curve_data(answer), words, answer.map.flip or 0.0)

    def _put(self, curves: dict[str, Any], words: list[Any], share: float) -> None:
        self.view.set_trait("flip", curves)
        self.view.set_trait("flip_words", words)
        self.view.set_trait("flip_share", share)

    def wait(self, progress: str = "") -> None:
        self.view.set_trait("flip_words", ["hiding more and more …"])

    def fail(self, error: BaseException) -> None:
        with self.view.hold_sync():
            self._put({}, [], 0.0)
            fail(self.view, error)


def curve_data(answer: FlipAnswer) -> dict[str, Any]:
    """Return what is drawn: the map's and the edges' points, and the random orders' band."""
    return {
        "start": answer.chance,
        "map": [list(pair) for pair in zip(answer.map.shares, answer.map.chances, strict=True)],
        "edges": [list(pair) for pair in zip(answer.edges.shares, answer.edges.chances, strict=True)],
        "band": [list(point) for point in answer.band],
        "flip": answer.map.flip,
        "most": SHARES[-1],
    }


def flip_words(answer: FlipAnswer, name: str, title: str) -> list[Any]:
    """Describe how much it takes: ``"hiding 12 % of the picture where the map says flips it; at random 41 %"``."""
    if len(answer.map.shares) < len(SHARES):
        return ["hiding more and more …"]
    own = answer.map.flip
    runs: list[Any] = ["hiding up to ", [MOST, "strong"], f" where {title} says doesn't change ", [name, "em"]]
    if own is not None:
        runs = ["hiding ", [percent(own, 0), "strong"], f" of the picture where {title} says flips ", [name, "em"]]
    if len(answer.random) < RANDOMS:
        return [*runs, f"; at random: {len(answer.random)} of {RANDOMS} orders so far"]
    runs += ["; at random it takes ", [taken(answer.typical), "strong"], f" (the middle of {RANDOMS} maps as smooth, "]
    flips = [curve.flip for curve in answer.random]
    changed = [flip for flip in flips if flip is not None]
    highest = taken(None) if None in flips else percent(max(changed), 0)
    runs.append(f"{percent(min(changed), 0)} to {highest})" if changed else f"none below {MOST})")
    return [*runs, "; along plain edges ", [taken(answer.edges.flip), "strong"]]


def taken(share: float | None) -> str:
    """Write a share that flips it, or that none of those tried does."""
    return f"more than {MOST}" if share is None else percent(share, 0)
