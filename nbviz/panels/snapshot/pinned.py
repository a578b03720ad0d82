"""Pinned maps of the still picture: a row of small cards under the columns."""

from __future__ import annotations

import io

from PIL import Image

from nbviz.drawing.ink import Ink
from nbviz.drawing.overlay import colour_bar, faded
from nbviz.panels.snapshot.columns import HEAD, MARGIN, heading
from nbviz.panels.snapshot.parts import PinPart, PinsPart

ACROSS = 6
"""Cards in a row."""
TITLE, NOTE, BAR, LINE = 14, 16, 20, 17
"""Heights of a card's title, note, colour bar and line of facts."""


def pinned(ink: Ink, part: PinsPart, y: float, width: float) -> float:
    """Draw the cards from ``y`` down, six in a row; return how far down they reach."""
    ink.line(0, y, width, y)
    heading(ink, MARGIN, y + HEAD, width - 2 * MARGIN, "Side by side", [part.words] if part.words else [])
    y += HEAD + MARGIN
    side = (width - 2 * MARGIN - (ACROSS - 1) * MARGIN) / ACROSS
    for first in range(0, len(part.pins), ACROSS):
        row = part.pins[first : first + ACROSS]
        # the pictures of a row stand at one height, though not every card has a note
        noted = any(pin.note for pin in row)
        y = max(_card(ink, pin, MARGIN + i * (side + MARGIN), y, side, noted) for i, pin in enumerate(row)) + MARGIN
    return y


def _card(ink: Ink, pin: PinPart, x: float, y: float, width: float, noted: bool) -> float:
    ink.text(x, y + TITLE / 2, pin.title, size=11, width=width)
    y += TITLE
    ink.text(x, y + NOTE / 2, pin.note, size=11, colour="quiet", width=width)
    y += NOTE if noted else 0
    y += 4
    tall = width * pin.rows / pin.columns
    if pin.picture is not None:
        ink.picture(pin.picture, (x, y, width, tall), smooth=True)
    if pin.heat is not None:
        ink.picture(faded(pin.heat, pin.opacity), (x, y, width, tall), smooth=pin.smooth)
    y += tall + BAR / 2 + 2
    if pin.heat is not None:
        low, high = pin.limits
        taken = ink.text(x, y, low, size=11, colour="quiet")
        bar = Image.open(io.BytesIO(colour_bar(253, 1, pin.signed)))
        ink.picture(bar, (x + taken + 6, y - 4, 64, 8), smooth=True)
        ink.text(x + taken + 76, y, high, size=11, colour="quiet")
    y += BAR / 2
    for line in pin.lines:
        ink.text(x, y + LINE / 2, line, size=11, colour="quiet", width=width)
        y += LINE
    return y
