"""Figure of the scores: a row per class with its bar, its name and its figures, in bqplot.

Two sets of bars (track and value) and labels, no axes. Nothing in a bqplot figure can have the focus: the keyboard's
way to a class is the class search, and the same figures stand as text for a screen reader.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbviz.drawing.numbers import signed

if TYPE_CHECKING:
    import bqplot

ROWS = 5
"""Classes that have a bar."""
ROW_HEIGHT = 17
"""Pixels, as in ``scores.css``: a button lies over each row."""
LETTERS = 16
"""Letters of a name that have room left of the bars, one less in bold type."""
LETTER = 13
"""Pixels of the font."""
TEXT = "var(--jp-ui-font-color1, #333)"
QUIET = "var(--jp-ui-font-color2, #666)"
MARGIN, WIDE_MARGIN = 48, 92
"""Pixels right of the bars: for the figure, and for the figure and its change. The wide one stands without edits, too:
bqplot follows another margin .3 s late, and meanwhile figures and changes would lie on each other.
"""
ACCENT = "var(--jp-brand-color1, #1976d2)"
BAR, TRACK = "var(--nbviz-bar, #bdbdbd)", "var(--nbviz-track, #f3f3f3)"


class Bars:
    """Figure of the bars; ``draw`` paints it, a click calls ``clicked(row)``."""

    def __init__(self, clicked: Callable[[int], None]) -> None:
        # here, not above: it takes .4 s, for which `import nbviz` does not wait
        import bqplot

        self.clicked = clicked
        self.x = bqplot.LinearScale(min=0.0, max=1.0)
        self.y = bqplot.LinearScale(min=0.0, max=float(ROWS))
        flat = {"scales": {"x": bqplot.OrdinalScale(domain=list(range(ROWS)), reverse=False), "y": self.x}}
        at = list(range(ROWS))
        bars = {"orientation": "horizontal", "padding": 0.4, "stroke": "transparent", **flat}
        self.track = bqplot.Bars(x=at, y=[1.0] * ROWS, colors=[TRACK], **bars)
        self.value = bqplot.Bars(x=at, y=[0.0] * ROWS, colors=[BAR], color_mode="no_group", **bars)
        self.names = self._label("end", -8, TEXT)
        # a mark has one weight for all of its texts, and the chosen name has another
        self.strong = self._label("end", -8, TEXT, "bold")
        self.shares = self._label("end", MARGIN - 8, TEXT)
        self.changes = self._label("end", WIDE_MARGIN, QUIET)
        lines = {"scales": {"x": self.x, "y": self.y}, "colors": [TEXT], "stroke_width": 2, "apply_clip": False}
        self.ticks = bqplot.Lines(x=[[]], y=[[]], **lines)
        # the track too: the bar of an unlikely class is too short to be hit
        for mark in (self.track, self.value):
            mark.on_element_click(self._on_click)
        marks = [self.track, self.value, self.ticks, self.names, self.strong, self.shares, self.changes]
        self.figure = bqplot.Figure(
            marks=marks,
            axes=[],
            fig_margin={"top": 0, "bottom": 0, "left": 140, "right": WIDE_MARGIN},
            display_toolbar=False,
            background_style={"fill": "transparent"},
            padding_x=0.0,
            padding_y=0.0,
            min_aspect_ratio=0.01,
            max_aspect_ratio=100,
            title="",
            animation_duration=0,
            layout={"height": f"{ROWS * ROW_HEIGHT}px", "width": "100%", "min_width": "0"},
        )

    def _label(self, align: str, offset: int, colour: str, weight: str = "normal") -> bqplot.Label:
        import bqplot

        return bqplot.Label(
            x=[],
            y=[],
            text=[],
            scales={"x": self.x, "y": self.y},
            x_offset=offset,
            y_offset=0,
            align=align,
            colors=[colour],
            default_size=LETTER,
            font_unit="px",
            font_weight=weight,
            # they stand in the margins, where a figure clips its marks
            apply_clip=False,
        )

    def draw(
        self, names: list[str], shares: list[float], chosen: int | None, before: list[float] | None = None
    ) -> None:
        """Paint up to five rows, the chosen one in the accent; before: the shares that ticks stand for."""
        heights = [_height(row) for row in range(len(names))]
        place = dict(enumerate(heights))
        at = [ROWS - 1 - row for row in place]
        plain = [row for row in place if row != chosen]
        _set(self.track, x=at, y=[1.0] * len(names))
        _set(self.value, x=at, y=shares, colors=[ACCENT if row == chosen else BAR for row in place])
        _write(self.names, 0.0, [place[r] for r in plain], [elide(names[r]) for r in plain])
        bold = [] if chosen is None else [chosen]
        _write(self.strong, 0.0, [place[r] for r in bold], [elide(names[r], LETTERS - 1) for r in bold])
        _write(self.shares, 1.0, heights, [f"{share:.2f}" for share in shares])
        self._compare(shares, heights, before)

    def _compare(self, shares: list[float], heights: list[float], before: list[float] | None) -> None:
        old, at = ([], []) if before is None else (before, heights)
        _set(self.ticks, x=[[x, x] for x in old] or [[]], y=[[y - 0.4, y + 0.4] for y in at] or [[]])
        _write(self.changes, 1.0, at, [signed(now - then, True) for now, then in zip(shares, old, strict=False)])

    def _on_click(self, mark: bqplot.Bars, event: dict[str, Any]) -> None:
        self.clicked(int(event["data"]["index"]))


def _height(row: int) -> float:
    """Return the height of the middle of a bar: bqplot keeps labels off the edges by their font's size."""
    whole, edge = ROWS * ROW_HEIGHT, LETTER**0.5 / 2 + 1
    return ROWS * (1 - ((row + 0.5) * ROW_HEIGHT - edge) / (whole - 2 * edge))


def _set(mark: bqplot.Mark, **state: object) -> None:
    # in one message: between two of them x and y would be of different lengths
    with mark.hold_sync():
        for name, value in state.items():
            setattr(mark, name, value)


def _write(mark: bqplot.Label, x: float, heights: list[float], texts: list[str]) -> None:
    _set(mark, x=[x] * len(heights), y=heights, text=texts)


def elide(name: str, letters: int = LETTERS) -> str:
    """Cut a name to its row."""
    return name if len(name) <= letters else name[: letters - 1].rstrip(" ,") + "…"
