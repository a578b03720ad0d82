"""Snapshot of the Explorer's panels, without a browser: for static pages, files and talks.

``compose`` takes plain data (``SnapshotParts``) and draws it with Pillow in the order and measures of the live
frame. What can only be clicked is left out; what is set is written.
"""

from __future__ import annotations

from itertools import accumulate

from PIL import Image

from nbviz.drawing.ink import Ink
from nbviz.panels.snapshot import columns
from nbviz.panels.snapshot.parts import (
    CardPart,
    ChannelsPart,
    ExplanationPart,
    LayerRow,
    LayersPart,
    PicturesPart,
    PinPart,
    PinsPart,
    ScoreRow,
    SnapshotParts,
    StagePart,
    TitlePart,
    TrustPart,
)
from nbviz.panels.snapshot.pinned import pinned

__all__ = [
    "CardPart",
    "ChannelsPart",
    "ExplanationPart",
    "LayerRow",
    "LayersPart",
    "PicturesPart",
    "PinPart",
    "PinsPart",
    "ScoreRow",
    "SnapshotParts",
    "StagePart",
    "TitlePart",
    "TrustPart",
    "compose",
]

WIDTH, TALLEST = 1220, 2000
"""Pixels: a frame in a window of 1,400 without the file browser; and where a still is cut off."""
MARGIN = 16
TITLE, QUESTION = 37, 129
"""Pixels: margin, and heights of title bar and question, as in the live frame."""
SHARES = {"layers": 277, "channels": 518, "explanation": 425}
"""Widths of the columns in a full frame; those present share the width in this proportion."""
LEAST = 400
"""Height of the columns where no picture fills them."""
THUMBNAIL = 56


def compose(parts: SnapshotParts, scale: float = 1, dark: bool = False) -> Image.Image:
    """Draw the parts as an RGB picture 1220 × ``scale`` pixels wide and as high as they need.

    A part that is None leaves no gap. ``dark`` draws for a dark page.
    """
    # as tall as can be, and cropped: how high the parts are is known once they are drawn
    ink = Ink(WIDTH, TALLEST, scale, dark)
    y = _title(ink, parts) if parts.title else 0.0
    if parts.pictures or parts.target or parts.scores:
        y = _question(ink, parts, y)
    y = _columns(ink, parts, y)
    y = pinned(ink, parts.pins, y, WIDTH) if parts.pins else y
    for problem in parts.problems or ():
        y = ink.paragraph(MARGIN, y + 14, [(problem, "warn")], WIDTH - 2 * MARGIN)
    # a picture without rows can't be saved, where nothing at all is on show
    y = min(max(y, 1), TALLEST)
    ink.box((0, 0, WIDTH, y), outline="line", radius=4)
    return ink.image.crop((0, 0, round(WIDTH * scale), round(y * scale)))


def _title(ink: Ink, parts: SnapshotParts) -> float:
    title = parts.title
    if title is None:
        return 0.0
    middle = TITLE / 2
    # first, and from the right: the facts have the room that is left
    word = ink.text(WIDTH - MARGIN, middle, title.word, colour="quiet", side="right")
    right = WIDTH - MARGIN - word - 24
    x = MARGIN + ink.text(MARGIN, middle, [(title.name, "strong")], size=15, width=420) + MARGIN
    for fact in title.facts:
        x += ink.text(x, middle, fact, colour="quiet", width=max(0, right - x)) + MARGIN
    if title.pill and right - x > 60:
        inside = min(ink.length(title.pill, 11), right - x - 18)
        ink.box((x, middle - 9, inside + 18, 18), outline="line", radius=9)
        ink.text(x + 9, middle, title.pill, size=11, colour="quiet", width=inside + 1)
    ink.line(0, TITLE, WIDTH, TITLE)
    return float(TITLE)


def _question(ink: Ink, parts: SnapshotParts, y: float) -> float:
    if parts.pictures:
        _pictures(ink, parts.pictures, y)
    if parts.target:
        _class(ink, parts.target, parts.against, y)
    if parts.scores:
        _scores(ink, parts, y)
    ink.line(0, y + QUESTION, WIDTH, y + QUESTION)
    return y + QUESTION


def _pictures(ink: Ink, part: PicturesPart, y: float) -> None:
    ink.text(MARGIN, y + 20, "Picture", size=11, colour="quiet")
    for place, picture in enumerate(part.thumbnails):
        x = MARGIN + 2 + 62 * place
        if place == part.chosen:
            ink.box((x - 3, y + 29, THUMBNAIL + 6, THUMBNAIL + 6), outline="accent", radius=4, thick=2)
        ink.picture(picture, (x, y + 32, THUMBNAIL, THUMBNAIL), smooth=True)
    if part.more > 0:
        ink.text(MARGIN, y + 108, f"and {part.more} more", size=11, colour="faint")


def _class(ink: Ink, target: str, against: str | None, y: float) -> None:
    ink.text(413, y + 20, "Class", size=11, colour="quiet")
    ink.box((413, y + 32, 264, 30), outline="line", radius=3)
    ink.text(422, y + 47, target, width=246)
    taken = ink.text(413, y + 79, "rather than", size=11, colour="quiet")
    ink.box((421 + taken, y + 68, 256 - taken, 22), outline="line", radius=3)
    colour = "text" if against else "faint"
    ink.text(429 + taken, y + 79, against or "any other", size=11, colour=colour, width=240 - taken)


def _scores(ink: Ink, parts: SnapshotParts, y: float) -> None:
    ink.text(701, y + 20, "What the network says", size=11, colour="quiet")
    for place, row in enumerate((parts.scores or ())[:5]):
        middle = y + 41 + 17 * place
        style, fill = ("strong", "accent") if row.chosen else ("quiet", "bar")
        ink.text(833, middle, [(row.name, style)], side="right", width=132)
        ink.box((841, middle - 5, 320, 9), fill="track", radius=1)
        # on their own scale from 0 to 1, as the live bars are
        share = min(max(row.probability, 0.0), 1.0)
        length = 320 * share
        if length >= 1:
            ink.box((841, middle - 5, length, 9), fill=fill, radius=1)
        ink.text(1203, middle, f"{row.probability:.2f}", side="right")


def _columns(ink: Ink, parts: SnapshotParts, y: float) -> float:
    there = {
        "layers": parts.layers is not None,
        "channels": any(part is not None for part in (parts.channels, parts.card, parts.stage)),
        "explanation": parts.explanation is not None or parts.trust is not None,
    }
    shown = [name for name in SHARES if there[name]]
    if not shown:
        return y
    unit = WIDTH / sum(SHARES[name] for name in shown)
    edges = accumulate((unit * SHARES[name] for name in shown), initial=0.0)
    # one edge more than there are columns: the last is the frame's
    starts = dict(zip(shown, edges, strict=False))
    bottom = y
    if "channels" in starts:
        bottom = max(bottom, _channels(ink, parts, starts["channels"], y, unit * SHARES["channels"]))
    if "explanation" in starts:
        bottom = max(bottom, _explanation(ink, parts, starts["explanation"], y, unit * SHARES["explanation"]))
    bottom = max(bottom, y + LEAST) if parts.layers else bottom
    # last: the tree takes the height that the others came to
    if parts.layers:
        columns.layers(ink, parts.layers, 0, y, unit * SHARES["layers"], bottom)
    for name in shown[1:]:
        ink.line(starts[name], y, starts[name], bottom)
    return bottom


def _explanation(ink: Ink, parts: SnapshotParts, x: float, y: float, width: float) -> float:
    y = columns.explanation(ink, parts.explanation, x, y, width) if parts.explanation else y + MARGIN
    return columns.trust(ink, parts.trust, x, y, width) if parts.trust else y


def _channels(ink: Ink, parts: SnapshotParts, x: float, y: float, width: float) -> float:
    if parts.stage:
        return columns.stage(ink, parts.stage, x, y, width)
    if parts.channels:
        y = columns.channels(ink, parts.channels, x, y, width)
    if parts.card:
        if parts.channels:
            ink.line(x, y, x + width, y)
        y = columns.card(ink, parts.card, x, y, width)
    return y
