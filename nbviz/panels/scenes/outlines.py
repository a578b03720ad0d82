"""Outlines over the canvas: boxes that were found, the evidence's own box, regions of predicted classes.

Plain data and pixels; nothing here knows a widget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from nbviz.attribution import Attribution
from nbviz.drawing.overlay import png
from nbviz.model.boxes import Box
from nbviz.model.scoring.prediction import Prediction

MOST = 20
"""Boxes drawn: of a detector's hundreds the ones with the best scores."""
FINE = 448
"""Pixels a side at which regions are outlined, so that lines stay thin."""
THRESHOLD = 0.5
"""Share of the map's maximum from which on a place belongs to the evidence's box."""
_DARK, _LIGHT = (0, 0, 0, 200), (255, 255, 255, 255)


@dataclass(frozen=True)
class Outline:
    """Box over the picture."""

    box: Box
    """In pixels of the network's input."""
    kind: str
    """"found", "chosen" (the box that is explained), or "evidence"."""
    text: str = ""

    def plain(self, size: tuple[int, int]) -> list[Any]:
        """Plain values: [top, left, bottom, right as shares of the picture, kind, text]."""
        top, left, bottom, right = self.box
        shares = [top / size[0], left / size[1], bottom / size[0], right / size[1]]
        return [*(min(1.0, max(0.0, share)) for share in shares), self.kind, self.text]


def found_outlines(said: Prediction | None, chosen: int | None, name: Callable[[int], str]) -> list[Outline]:
    """Return a detector's boxes with label and score, the chosen one last, so that it lies above."""
    if said is None:
        return []
    best = [number for number in range(len(said.boxes)) if number < MOST or number == chosen]
    best.sort(key=lambda number: number == chosen)
    return [_box_outline(said, number, number == chosen, name) for number in best]


def _box_outline(said: Prediction, number: int, chosen: bool, name: Callable[[int], str]) -> Outline:
    one = said.boxes[number]
    return Outline(one.box, "chosen" if chosen else "found", f"{name(one.label)} {one.score:.2f}")


def evidence_outline(made: Attribution) -> list[Outline]:
    """Return the box of the largest part of the evidence that reaches half its maximum."""
    return [Outline(box, "evidence") for box in made.boxes(THRESHOLD)]


def evidence_words(found: Sequence[Outline]) -> str:
    """Describe the evidence's box."""
    boxes = [one.box for one in found if one.kind == "evidence"]
    if not boxes:
        return ""
    top, left, bottom, right = (f"{edge:.0f}" for edge in boxes[0])
    return f"Box of the evidence (half its maximum or more): rows {top}–{bottom}, columns {left}–{right}."


def region_lines(regions: np.ndarray | None, chosen: int | None) -> np.ndarray | None:
    """Draw borders of predicted classes, uint8 (h, w, 4): the chosen one white with a dark rim, others dark."""
    if regions is None:
        return None
    share = max(1, FINE // max(regions.shape))
    # enlarged first: a line one cell of a coarse map wide would cover what it outlines
    fine = regions.repeat(share, 0).repeat(share, 1)
    pixels = np.zeros((*fine.shape, 4), np.uint8)
    pixels[_edges(fine)] = _DARK
    line = _grown(_edges(fine == chosen))
    # dark around white: seen on any picture
    pixels[_grown(line)] = _DARK
    pixels[line] = _LIGHT
    return pixels


def _edges(values: np.ndarray) -> np.ndarray:
    """Return places whose right or lower neighbour is another."""
    edges = np.zeros(values.shape, bool)
    edges[:, :-1] |= values[:, 1:] != values[:, :-1]
    edges[:-1] |= values[1:] != values[:-1]
    return edges


def _grown(line: np.ndarray) -> np.ndarray:
    wide = line.copy()
    wide[1:] |= line[:-1]
    wide[:-1] |= line[1:]
    wide[:, 1:] |= line[:, :-1]
    wide[:, :-1] |= line[:, 1:]
    return wide


def region_png(lines: np.ndarray | None) -> bytes:
    """Return the lines as a palette PNG; empty where there are none."""
    if lines is None:
        return b""
    # a palette of three, where RGBA would send four bytes for each pixel
    table = np.array([(0, 0, 0, 0), _DARK, _LIGHT], np.uint8)
    indices = np.where(lines[..., 3] == 0, 0, np.where(lines[..., 0] > 0, 2, 1)).astype(np.uint8)
    return png(indices, table)


def drawn_on(
    pixels: np.ndarray, found: Sequence[Outline], size: tuple[int, int], lines: np.ndarray | None = None
) -> np.ndarray:
    """Draw the outlines in a still picture uint8 (h, w, 3), at its own size; size: (H, W) of the network's input."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if lines is not None:
        over = Image.fromarray(lines).resize(image.size, Image.Resampling.NEAREST)
        image.paste(over, (0, 0), over)
    pen, width = ImageDraw.Draw(image), max(1, round(max(image.size) / 224))
    for one in found:
        top, left, bottom, right = one.plain(size)[:4]
        edges = (left * image.width, top * image.height, right * image.width - 1, bottom * image.height - 1)
        # a box may be narrower than a pixel, and Pillow refuses corners that are crossed
        if edges[2] > edges[0] and edges[3] > edges[1]:
            pen.rectangle(edges, outline=(255, 255, 255) if one.kind != "found" else (150, 150, 150), width=width)
    return np.asarray(image)
