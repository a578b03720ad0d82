"""Columns of the still picture: layers, channels with their card, explanation.

Each draws itself into a box from ``y`` down and returns how far down it got. Measures are those of the frame.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from nbviz.attribution.words import trust_lines
from nbviz.drawing.ink import Ink, Run
from nbviz.drawing.overlay import colour_bar, faded, sprite
from nbviz.panels.snapshot.parts import (
    CardPart,
    ChannelsPart,
    ExplanationPart,
    LayerRow,
    LayersPart,
    StagePart,
    TrustPart,
)

MARGIN = 16
HEAD, SETTINGS, CONTENT = 22, 53, 75
"""Middle of the heading, middle of the settings and top of what follows, from the column's top."""
ROW = 24
SIDE = 22
GAP = 2
CARD_PICTURE = 120
"""Pixels: a row of the tree and its miniature, between tiles, and a side of a picture on the card."""
LABELS = 48
"""Room left of tiles whose rows have names."""


def heading(ink: Ink, x: float, y: float, width: float, name: str, words: Sequence[Run]) -> None:
    """Write a column's name and the words beside it."""
    # cut to the width: names come in any length, and no word may change the picture's measures
    taken = ink.text(x, y, [(name, "strong")])
    ink.text(x + taken + 10, y, words, colour="quiet", width=width - taken - 10)


def settings(ink: Ink, x: float, y: float, words: Sequence[str]) -> None:
    """Write what is set, one pill each."""
    for word in words:
        x = ink.pill(x, y, word) + 8


def layers(ink: Ink, part: LayersPart, x: float, y: float, width: float, bottom: float) -> float:
    """Draw the tree's rows that fit above ``bottom``, the chosen one among them."""
    inner = width - 2 * MARGIN
    ink.text(x + MARGIN, y + HEAD, [("Layers", "strong")])
    if part.target:
        words: list[Run] = ["where ", (part.target, "em"), " is"]
        ink.text(x + width - MARGIN, y + HEAD, words, colour="quiet", side="right", width=inner - 60)
    rows = list(unfolded(part.rows))
    # a tree of a large network has hundreds of rows, and the picture is as high as its other columns
    fits = max(1, int((bottom - y - SETTINGS) // ROW))
    chosen = next((place for place, (row, _) in enumerate(rows) if row.chosen), 0)
    first = max(0, min(chosen - fits // 2, len(rows) - fits))
    # drawn by the code of the live tree, so that both show the same colours
    strip = Image.open(io.BytesIO(sprite([row.miniature for row, _ in rows], side=2 * SIDE))).convert("RGBA")
    y += SETTINGS
    for place, (row, is_open) in enumerate(rows[first : first + fits], start=first):
        cell = strip.crop((0, 2 * SIDE * place, 2 * SIDE, 2 * SIDE * (place + 1)))
        _layer(ink, row, is_open, cell, x, y, width)
        y += ROW
    return y + 8


def unfolded(rows: Sequence[LayerRow]) -> Iterator[tuple[LayerRow, bool]]:
    """Yield the rows whose parents lead to the chosen row, and whether each is open itself."""
    opened = _ancestors(rows)
    path: list[bool] = []
    for place, row in enumerate(rows):
        # rows are in preorder: the path so far, cut at a row's depth, is its parents
        del path[row.depth :]
        if all(path):
            yield row, place in opened
        path.append(place in opened)


def _ancestors(rows: Sequence[LayerRow]) -> set[int]:
    chosen = next((place for place, row in enumerate(rows) if row.chosen), None)
    ancestors: set[int] = set()
    depth = rows[chosen].depth if chosen is not None else 0
    # upwards in preorder, the next row that is less deep is the parent
    for place in range(chosen or 0, -1, -1):
        if rows[place].depth < depth:
            ancestors.add(place)
            depth = rows[place].depth
    return ancestors


def _layer(ink: Ink, row: LayerRow, is_open: bool, cell: Image.Image, x: float, y: float, width: float) -> None:
    middle, right = y + ROW / 2, x + width - MARGIN
    if row.chosen:
        ink.box((x + 8, y, width - 16, ROW), fill="chosen", radius=3)
        ink.box((x + 8, y, 3, ROW), fill="accent", radius=1)
    start = x + MARGIN + 14 + 14 * row.depth
    if row.kids:
        ink.arrow(start - 11, middle, is_open)
    # first, and from the right: the name has the room that is left
    shape = ink.text(right - SIDE - 6, middle, row.shape, size=11, colour="quiet", side="right", width=110)
    room = right - SIDE - 12 - shape - start
    taken = ink.text(start, middle, [(row.text, "strong")] if row.chosen else row.text, width=room)
    if row.kind and room - taken > 30:
        ink.text(start + taken + 7, middle, row.kind, size=11, colour="faint", width=room - taken - 10)
    ink.picture(cell, (right - SIDE, y + 1, SIDE, SIDE))


def channels(ink: Ink, part: ChannelsPart, x: float, y: float, width: float) -> float:
    """Draw the page of channels."""
    inner = width - 2 * MARGIN
    heading(ink, x + MARGIN, y + HEAD, inner, part.title, part.heading)
    settings(ink, x + MARGIN, y + SETTINGS, part.settings)
    y = _mosaic(ink, part, x + MARGIN, y + (CONTENT if part.settings else SETTINGS - 8), inner)
    pager = ink.text(x + width - MARGIN, y + 14, part.pager, colour="quiet", side="right")
    ink.text(x + MARGIN, y + 14, part.caption, colour="quiet", width=inner - pager - 16)
    return y + 36


def _mosaic(ink: Ink, part: ChannelsPart, x: float, y: float, width: float) -> float:
    page = part.mosaic
    sheet = Image.open(io.BytesIO(page.data)).convert("RGBA")
    named = LABELS if part.rows else 0
    across = min((width - named + GAP) / page.columns, part.largest + GAP)
    down = (across - GAP) / part.aspect + GAP
    chosen, x = None, x + named
    for row, name in enumerate(part.rows):
        ink.text(x - 6, y + (row + 0.5) * down, name, size=11, colour="quiet", side="right", width=named - 6)
    # one by one: scaled as a whole, the gaps between tiles would grow with them
    for place in range(part.count):
        row, column = divmod(place, page.columns)
        left, top = column * (page.tile_width + page.gap), row * (page.tile_height + page.gap)
        tile = sheet.crop((left, top, left + page.tile_width, top + page.tile_height))
        box = (x + column * across, y + row * down, across - GAP, down - GAP)
        ink.picture(tile, box)
        chosen = box if place == part.chosen else chosen
    if chosen is not None:
        ink.box((chosen[0] - 2, chosen[1] - 2, chosen[2] + 4, chosen[3] + 4), outline="accent", thick=2)
    return y + -(-part.count // page.columns) * down


def card(ink: Ink, part: CardPart, x: float, y: float, width: float) -> float:
    """Draw the card of the chosen channel."""
    inner = width - 2 * MARGIN
    heading(ink, x + MARGIN, y + HEAD - 2, inner, part.title or f"Channel {part.channel}", part.about)
    at, top, deepest = x + MARGIN, y + 46, 0.0
    right = x + width - MARGIN
    for name, picture in [*([("here", part.here)] if part.here is not None else []), *part.others]:
        wide, tall = _within(picture, right - at if _wide(picture) else CARD_PICTURE, CARD_PICTURE)
        ink.text(at, top + 2, name, size=11, colour="quiet", width=right - at)
        ink.picture(picture, (at, top + 13, wide, tall))
        at, deepest = at + max(wide, CARD_PICTURE) + MARGIN, max(deepest, tall)
    line = top + (13 + deepest + 18 if deepest else 0)
    if part.note:
        ink.text(x + MARGIN, line, part.note, colour="quiet", width=inner)
        line += 20
    for place, (name, value) in enumerate(part.figures):
        left = x + MARGIN + (place % 2) * (inner / 2)
        ink.text(left, line, name, colour="quiet", width=72)
        ink.text(left + 78, line, value, width=inner / 2 - 86)
        line += 20 * (place % 2)
    return line + (20 if len(part.figures) % 2 else 0) + MARGIN


def _wide(picture: np.ndarray | Image.Image) -> bool:
    """Return whether a picture is a sheet of several, which takes the room there is."""
    size = picture.size if isinstance(picture, Image.Image) else picture.shape[1::-1]
    return size[0] > 1.8 * size[1]


def stage(ink: Ink, part: StagePart, x: float, y: float, width: float) -> float:
    """Draw what stands in the channels' place."""
    inner = width - 2 * MARGIN
    heading(ink, x + MARGIN, y + HEAD, inner, part.title, part.heading)
    wide, tall = _within(part.picture, inner, inner)
    ink.picture(part.picture, (x + MARGIN, y + SETTINGS - 8, wide, tall))
    y += SETTINGS + tall + 8
    for line in part.lines:
        y = ink.paragraph(x + MARGIN, y, line, inner)
    return y + 6


def _within(picture: np.ndarray | Image.Image, width: float, height: float) -> tuple[float, float]:
    """Return the largest size a picture has in a box."""
    size = picture.size if isinstance(picture, Image.Image) else picture.shape[1::-1]
    share = min(width / size[0], height / size[1])
    return size[0] * share, size[1] * share


def explanation(ink: Ink, part: ExplanationPart, x: float, y: float, width: float) -> float:
    """Draw the picture with its heat, the colour bar and the lines of facts."""
    inner = width - 2 * MARGIN
    heading(ink, x + MARGIN, y + HEAD, inner, "Explanation", part.heading)
    settings(ink, x + MARGIN, y + SETTINGS, part.settings)
    x, y = x + MARGIN, y + (CONTENT if part.settings else SETTINGS - 8)
    wide, tall = _within(part.picture, inner, 1.25 * inner)
    box = (x + (inner - wide) / 2, y, wide, tall)
    ink.picture(part.picture, box, smooth=True)
    if part.heat is not None:
        ink.picture(faded(part.heat, part.opacity), box, smooth=part.smooth)
    y += box[3] + 16
    if part.heat is not None and part.limits is not None:
        _limits(ink, part, x, y, inner)
        y += 24
    lines = [*part.lines, *([[(part.nothing, "strong")]] if part.nothing else [])]
    for line in lines:
        y = ink.paragraph(x, y, line, inner)
    return y + 6


def trust(ink: Ink, part: TrustPart, x: float, y: float, width: float) -> float:
    """Write the verdicts on the explanation, and what is said of those that were not passed."""
    lines = trust_lines(part.verdicts, part.sentences)
    for line in lines:
        y = ink.paragraph(x + MARGIN, y, line, width - 2 * MARGIN)
    return y + 6


def _limits(ink: Ink, part: ExplanationPart, x: float, y: float, width: float) -> None:
    low, high = part.limits or ("", "")
    ink.text(x, y, "heat", size=11, colour="quiet")
    taken = ink.text(x + width, y, high, size=11, colour="quiet", side="right")
    right = x + width - taken - 6
    bar = Image.open(io.BytesIO(colour_bar(253, 1, part.signed)))
    ink.picture(bar, (right - 150, y - 5, 150, 10), smooth=True)
    ink.text(right - 156, y, low, size=11, colour="quiet", side="right")
