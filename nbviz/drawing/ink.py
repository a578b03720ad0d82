"""A sheet to write and draw on with Pillow: text with an ellipsis, lines, boxes, pictures.

It knows nothing of the Explorer. All measures are in the frame's pixels and multiplied by the sheet's scale, so text
stays sharp when enlarged. The sans-serif font is the system's (the built-in one of Pillow has one weight, and no ×);
figures of these fonts are tabular.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache, partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nbviz.errors import NbvizError

Run = str | Sequence[str]
"""A text, or a pair of a text and a style: "strong", "em", "quiet" or "warn"."""
Frame = tuple[float, float, float, float]
"""A rectangle on the sheet: x, y, width, height."""
Side = Literal["left", "right", "middle"]

LIGHT = {
    "paper": "#ffffff", "text": "#212121", "quiet": "#616161", "faint": "#9a9a9a", "line": "#e0e0e0",
    "accent": "#1976d2", "chosen": "#e3f0fb", "bar": "#bdbdbd", "track": "#f3f3f3", "warn": "#8a5a00",
}  # fmt: skip
DARK = {
    "paper": "#1a1a1a", "text": "#e6e6e6", "quiet": "#a8a8a8", "faint": "#808080", "line": "#3c3c3c",
    "accent": "#64b5f6", "chosen": "#18314b", "bar": "#616161", "track": "#262626", "warn": "#ffcc80",
}  # fmt: skip

FAMILIES = (
    ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf", "NotoSans-Italic.ttf"),
    ("segoeui.ttf", "segoeuib.ttf", "segoeuii.ttf"),
    ("Arial.ttf", "Arial Bold.ttf", "Arial Italic.ttf"),
    ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf"),
    ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "LiberationSans-Italic.ttf"),
    ("NotoSansCJK-Regular.ttc",),
    ("msyh.ttc",),
    ("PingFang.ttc",),
)
"""Regular, bold and italic of the fonts that Linux, Windows and macOS have; the last ones for other
scripts."""
NEAR = {"−": "–"}
"""A letter of the same font is nearer than the same letter of another."""
PLAIN = {"×": "x", "−": "-", "–": "-", "→": ">", "≥": ">=", "≤": "<="}
"""Letters that Pillow's built-in font lacks, for where there is no other."""
TEXT, LEADING = 13, 19
"""Size of running text, and from one of its lines to the next."""
PILL = 240
"""Width that words in a rounded box may take."""


class Ink:
    """A sheet of ``width`` × ``height`` pixels, drawn ``scale`` times as large."""

    def __init__(self, width: int, height: int, scale: float, dark: bool) -> None:
        self.scale = scale
        self.colours = DARK if dark else LIGHT
        self.image = Image.new("RGB", (round(width * scale), round(height * scale)), self.colours["paper"])
        self._draw = ImageDraw.Draw(self.image)

    def text(
        self, x: float, y: float, runs: Run | Iterable[Run], *, size: float = TEXT, colour: str = "text",
        side: Side = "left", width: float | None = None,
    ) -> float:  # fmt: skip
        """Write one line about the height ``y``, cut to ``width`` with an ellipsis; return the width it took.

        ``side`` says what ``x`` is of the text: its left or right end, or its middle.
        """
        pieces = self._cut([*_pieces(runs)], size, width)
        taken = sum(self._length(text, style, size) for text, style in pieces)
        at = x - {"left": 0.0, "right": taken, "middle": taken / 2}[side]
        for text, style in pieces:
            self._write(at, y, text, style, size, colour)
            at += self._length(text, style, size)
        return taken

    def paragraph(self, x: float, y: float, runs: Iterable[Run], width: float, *, most: int = 3) -> float:
        """Write runs from the line about ``y`` down, at most ``most`` lines; return the ``y`` of the next."""
        lines = self.wrapped(runs, TEXT, width)
        for number, line in enumerate(lines[:most]):
            last = number == most - 1
            rest = [piece for row in lines[most:] for piece in row] if last else []
            self.text(x, y, [*line, *rest], size=TEXT, colour="quiet", width=width)
            y += LEADING
        return y

    def wrapped(self, runs: Run | Iterable[Run], size: float, width: float) -> list[list[tuple[str, str]]]:
        """Return runs broken into lines of at most ``width``, each of (text, style)."""
        return self._wrapped([*_pieces(runs)], size, width)

    def line(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """Draw a hairline in the border's colour."""
        self._draw.line([self._at(x, y), self._at(to_x, to_y)], self.colours["line"], max(1, round(self.scale)))

    def box(self, frame: Frame, *, fill: str | None = None, outline: str | None = None, radius: float = 0,
            thick: float = 1) -> None:  # fmt: skip
        """Draw a rectangle, ``fill`` and ``outline`` being names of colours."""
        x, y, width, height = frame
        # Pillow counts the last pixel in.
        corners = [*self._at(x, y), *(value - 1 for value in self._at(x + width, y + height))]
        self._draw.rounded_rectangle(
            corners, radius * self.scale, self.colours.get(fill or ""), self.colours.get(outline or ""),
            max(1, round(thick * self.scale)),
        )  # fmt: skip

    def pill(self, x: float, y: float, words: str) -> float:
        """Write words in a rounded box about the height ``y``, cut where they are long; return its right end."""
        inside = min(self.length(words, TEXT), PILL)
        self.box((x, y - TEXT, inside + 18, 2 * TEXT), outline="line", radius=3)
        self.text(x + 9, y, words, size=TEXT, width=PILL + 1)
        return x + inside + 18

    def picture(self, pixels: NDArray[np.uint8] | Image.Image, frame: Frame, *, smooth: bool = False) -> None:
        """Draw pixels, uint8 (H, W), (H, W, 3), (H, W, 4) or an image, stretched over a frame.

        Fewer pixels than the frame are enlarged as squares unless ``smooth``; more are averaged.
        """
        image = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
        # Its own opacity is the mask it is pasted with.
        image = image.convert("RGBA")
        x, y, width, height = frame
        left, top = self._at(x, y)
        right, bottom = self._at(x + width, y + height)
        size = max(1, right - left), max(1, bottom - top)
        shrinks = size[0] < image.width
        grow = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
        image = image.resize(size, Image.Resampling.BOX if shrinks else grow)
        self.image.paste(image, (left, top), image)

    def arrow(self, x: float, y: float, down: bool) -> None:
        """Draw the small triangle of a folded or an unfolded row."""
        points = [(-3, -1.5), (3, -1.5), (0, 2.5)] if down else [(-1.5, -3), (-1.5, 3), (2.5, 0)]
        self._draw.polygon([self._at(x + a, y + b) for a, b in points], self.colours["faint"])

    def length(self, words: str, size: float) -> float:
        """Return the width of plain words."""
        return self._length(words, "", size)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(x * self.scale), round(y * self.scale)

    def _length(self, text: str, style: str, size: float) -> float:
        parts = _set(text, style, round(size * self.scale))
        return sum(face.getlength(part) for part, face in parts) / self.scale

    def _write(self, x: float, y: float, text: str, style: str, size: float, colour: str) -> None:
        ink = self.colours[style if style in ("quiet", "warn") else "text" if style == "strong" else colour]
        # About a third of the size below its middle is where a line of these fonts stands.
        at, base = x * self.scale, round((y + 0.35 * size) * self.scale)
        for part, face in _set(text, style, round(size * self.scale)):
            self._draw.text((at, base), part, ink, face, anchor="ls")
            at += face.getlength(part)

    def _cut(self, pieces: list[tuple[str, str]], size: float, width: float | None) -> list[tuple[str, str]]:
        """Return as much of the pieces as fits, with an ellipsis where something is missing."""
        if width is None or sum(self._length(*piece, size) for piece in pieces) <= width:
            return pieces
        pieces_left: list[tuple[str, str]] = []
        room = width - self._length("…", "", size)
        for text, style in pieces:
            # By halving: each measure sets the text anew, and a caption may be long.
            fits = bisect_right(range(1, len(text) + 1), room, key=partial(self._begun, text, style, size))
            pieces_left.append((text[:fits], style))
            room -= self._begun(text, style, size, fits)
            if fits < len(text):
                break
        return [*pieces_left[:-1], (pieces_left[-1][0].rstrip() + "…", pieces_left[-1][1])]

    def _begun(self, text: str, style: str, size: float, letters: int) -> float:
        return self._length(text[:letters], style, size)

    def _wrapped(self, pieces: list[tuple[str, str]], size: float, width: float) -> list[list[tuple[str, str]]]:
        lines: list[list[tuple[str, str]]] = [[]]
        room = width
        for text, style in pieces:
            # A word keeps the blank behind it: joined pieces read as they were written.
            for word in text.replace(" ", " \n").split("\n"):
                taken = self._length(word.rstrip(), style, size)
                if taken > room and lines[-1]:
                    lines.append([])
                    room = width
                lines[-1].append((word, style))
                room -= self._length(word, style, size)
        return lines


def _pieces(runs: Run | Iterable[Run]) -> Iterable[tuple[str, str]]:
    for run in [runs] if isinstance(runs, str) else runs:
        text, style = (run, "") if isinstance(run, str) else (run[0], run[1])
        yield " ".join(text.split("\n")), style


@lru_cache(maxsize=4096)
def _set(text: str, style: str, size: int) -> tuple[tuple[str, ImageFont.FreeTypeFont], ...]:
    """Return the text in parts, each with the first font that has its letters."""
    parts: list[tuple[str, ImageFont.FreeTypeFont]] = []
    first, *others = _faces(style, size)
    for letter in text:
        letter = letter if _has(first, letter) else NEAR.get(letter, letter)
        face = next((face for face in (first, *others) if _has(face, letter)), None)
        if face is None:
            letter, face = PLAIN.get(letter, letter), first
        if parts and parts[-1][1] is face:
            parts[-1] = parts[-1][0] + letter, face
        else:
            parts.append((letter, face))
    return tuple(parts)


@cache
def _faces(style: str, size: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    """Return the system's fonts of this style, then those for other scripts, then the built-in one."""
    column = {"strong": 1, "em": 2}.get(style, 0)
    faces = []
    for family in FAMILIES:
        try:
            faces.append(ImageFont.truetype(family[min(column, len(family) - 1)], size))
        except OSError:
            continue
    built_in = ImageFont.load_default(size)
    if isinstance(built_in, ImageFont.FreeTypeFont):
        faces.append(built_in)
    if not faces:
        raise NbvizError("No text can be drawn: Pillow here was built without FreeType. Install Pillow's own wheel.")
    return tuple(faces)


@cache
def _has(face: ImageFont.FreeTypeFont, letter: str) -> bool:
    """Return whether a font can draw a letter: it looks unlike one that no font has."""
    if letter.isascii() or letter.isspace():
        return True
    # Pillow doesn't say which letters a font has; a missing one is drawn as the same box as this code, which none has.
    return bytes(face.getmask(letter)) != bytes(face.getmask("\U0010fffd"))
