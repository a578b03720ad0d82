"""A map alone as a figure: over the picture, with its colour bar and its facts; as PNG, SVG or PDF.

One layout serves all: what Pillow draws, an SVG says as images and text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from nbviz.attribution.limits import evidence_limits, limit_words
from nbviz.attribution.words import Lines, Run
from nbviz.drawing.ink import LIGHT, Ink
from nbviz.drawing.overlay import Limits, Pixels, colour_bar, data_url, faded, gray, heat_rgba, png
from nbviz.errors import NbvizError

WIDTH, MARGIN, BAR, LINE = 448, 16, 150, 19
OPACITY = 0.55
"""Of heat over a picture."""
SCALE = 2
"""Pixels of a file per pixel of the layout."""


@dataclass(frozen=True)
class Words:
    """A line of text about a height; ``x`` is its left end."""

    x: float
    y: float
    runs: tuple[Run, ...]
    size: float = 13


@dataclass(frozen=True, eq=False)
class Tile:
    """Pixels in a frame x, y, width, height."""

    pixels: Pixels
    frame: tuple[float, float, float, float]
    smooth: bool = False
    opacity: float = 1.0


@dataclass(frozen=True, eq=False)
class Figure:
    """A map to be drawn. ``picture`` (H, W, 3) uint8 is what lies below it in gray; None for the map alone."""

    heat: np.ndarray
    """(H, W), not normalised."""
    signed: bool
    smooth: bool
    heading: Sequence[Run]
    lines: Lines
    picture: Pixels | None = None
    opacity: float = OPACITY

    def encoded(self, suffix: str) -> bytes:
        """Return the file of a suffix: .png, .svg, .pdf, or .npy of the values. NbvizError for another."""
        kinds = {".png": self.png, ".svg": self.svg, ".pdf": self.pdf, ".npy": self.npy}
        if suffix.lower() not in kinds:
            *others, last = kinds
            given = repr(suffix) if suffix else "a file without a suffix"
            raise NbvizError(f"A map is saved as {', '.join(others)} or {last}, not as {given}.")
        return kinds[suffix.lower()]()

    def npy(self) -> bytes:
        """Return the values, float32 (H, W), as numpy's file."""
        out = io.BytesIO()
        np.save(out, self.heat)
        return out.getvalue()

    def png(self) -> bytes:
        """Return it as PNG."""
        out = io.BytesIO()
        self.image().save(out, "PNG")
        return out.getvalue()

    def pdf(self) -> bytes:
        """Return it as PDF of one page, as large as the figure, drawn at 288 dots per inch."""
        out = io.BytesIO()
        self.image(2 * SCALE).save(out, "PDF", resolution=72.0 * 2 * SCALE)
        return out.getvalue()

    def image(self, scale: float = SCALE) -> Image.Image:
        """Return it as an RGB picture."""
        items, height = self._layout()
        ink = Ink(WIDTH + 2 * MARGIN, round(height), scale, dark=False)
        for item in items:
            if isinstance(item, Tile):
                ink.picture(faded(item.pixels, item.opacity), item.frame, smooth=item.smooth)
            else:
                ink.text(item.x, item.y, item.runs, size=item.size, colour="quiet")
        return ink.image

    def svg(self) -> bytes:
        """Return it as SVG: pixels as they are, words as text."""
        items, height = self._layout()
        width = WIDTH + 2 * MARGIN
        drawn = "".join(_image(item) if isinstance(item, Tile) else _text(item) for item in items)
        size = f'viewBox="0 0 {width} {height:g}" width="{width}" height="{height:g}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
        paper = f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>'
        return f'{head} font-family="Noto Sans, Segoe UI, Arial, sans-serif">{paper}{drawn}</svg>\n'.encode()

    def _layout(self) -> tuple[list[Tile | Words], float]:
        heat = np.nan_to_num(self.heat, posinf=0.0, neginf=0.0)
        rows, columns = heat.shape if self.picture is None else self.picture.shape[:2]
        # a tall picture ends at one and a quarter of the width, or it would push its facts off a page
        share = min(WIDTH / columns, 1.25 * WIDTH / rows)
        wide, tall = columns * share, rows * share
        frame = (MARGIN + (WIDTH - wide) / 2, 2.0 * MARGIN + LINE / 2, wide, tall)
        items: list[Tile | Words] = [Words(MARGIN, MARGIN + LINE / 2 - 2, tuple(self.heading))]
        limits = evidence_limits(heat, self.signed, self.smooth)
        if self.picture is not None:
            items.append(Tile(gray(self.picture), frame, smooth=True))
        veil = self.opacity if self.picture is not None else 1.0
        items.append(Tile(heat_rgba(heat, limits, self.signed), frame, self.smooth, veil))
        y = frame[1] + tall + MARGIN
        items += self._bar(heat, limits, y)
        y += LINE + 3
        for words in self._paragraphs():
            items.append(Words(MARGIN, y, tuple(words)))
            y += LINE
        return items, y + MARGIN / 2

    def _bar(self, heat: np.ndarray, limits: Limits, y: float) -> Iterator[Tile | Words]:
        peak = Limits.of(heat, self.signed).high
        low, high, _ = limit_words(limits, self.signed, "evidence", not heat.any(), peak)
        yield Words(MARGIN, y, (low,), 11)
        # a digit of the 11 pixel font is 6.5 wide: SVG lays out its text only where it is shown
        left = MARGIN + 8 + 6.5 * len(low)
        bar = np.asarray(Image.open(io.BytesIO(colour_bar(BAR, 1, self.signed))).convert("RGBA"))
        yield Tile(bar, (left, y - 5, BAR, 10), smooth=True)
        yield Words(left + BAR + 8, y, (high,), 11)

    def _paragraphs(self) -> Iterator[list[tuple[str, str]]]:
        # a sheet to measure with, on which nothing is drawn
        measure = Ink(1, 1, 1, dark=False)
        for line in self.lines:
            if line:
                yield from (_joined(words) for words in measure.wrapped(line, 13, WIDTH))


def _joined(words: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pieces of a line, those of one style in one."""
    return [("".join(text for text, _ in same), style) for style, same in groupby(words, key=lambda piece: piece[1])]


def _image(tile: Tile) -> str:
    x, y, width, height = (f"{value:g}" for value in tile.frame)
    picture = data_url(png(tile.pixels))
    how = "auto" if tile.smooth else "pixelated"
    place = f'x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none" opacity="{tile.opacity:g}"'
    return f'<image {place} style="image-rendering:{how}" href="{picture}"/>'


def _text(words: Words) -> str:
    spans = "".join(_span(run) for run in words.runs)
    place = f'x="{words.x:g}" y="{words.y + 0.35 * words.size:g}" font-size="{words.size:g}"'
    # xml:space, or the blanks between spans would be lost
    return f'<text {place} xml:space="preserve" fill="{LIGHT["quiet"]}">{spans}</text>'


def _span(run: Run) -> str:
    text, style = (run, "") if isinstance(run, str) else (run[0], run[1])
    dress = {
        "strong": f'font-weight="bold" fill="{LIGHT["text"]}"',
        "em": 'font-style="italic"',
        "warn": f'fill="{LIGHT["warn"]}"',
    }
    return f"<tspan {dress.get(style, '')}>{escape(text)}</tspan>"
