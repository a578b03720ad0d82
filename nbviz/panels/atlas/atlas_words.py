"""Sentences of an atlas, and its tiles as one sheet."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import numpy as np
from PIL import Image

from nbviz.dataset.atlas.atlas import Atlas
from nbviz.dataset.atlas.cell import Cell
from nbviz.drawing.png import png
from nbviz.session.requests.atlas import PICTURES, Opened

ACROSS = 20
"""Tiles in a row of the sheet."""
FEW = 50
"""Pictures below which the map says that it is of few."""


def offered(count: int) -> str:
    """Return the label of the button that maps so many pictures."""
    if count > PICTURES:
        return f"Map {PICTURES:,} of these {count:,} pictures"
    return f"Map these {count:,} pictures" if count > 1 else "Map this picture"


def looks(atlas: Atlas) -> list[list[Any]]:
    """Return the choices of the switch: [key, text, tip, enabled] each."""
    there = "Each cell's most typical patch" if atlas.has_pictures else "This atlas was loaded without its pictures"
    return [
        ["patches", "Patches", there, atlas.has_pictures],
        ["made", "Made", "A picture made for each cell: what the layer sees there more than elsewhere", True],
    ]


def about(atlas: Atlas) -> str:
    """Describe the atlas in a line: ``"blocks.4 · 5,000 places of 5,000 pictures"``."""
    pictures = len(atlas.plan.numbers)
    return f"{atlas.layer} · {len(atlas):,} places of {pictures:,} picture{'s' if pictures > 1 else ''}"


def words(cell: Cell) -> str:
    """Describe a cell."""
    places = f"{cell.count} place" + ("s" if cell.count > 1 else "")
    return f"{places} · {speaks(cell)}"


def speaks(cell: Cell) -> str:
    """Return the class that a cell speaks for: ``"for tiger cat (81 %)"``."""
    return f"for {cell.name} ({100 * cell.share:.0f} %)" if cell.name else "for no class"


def cell_counts(places: np.ndarray | None) -> list[list[int]]:
    """Return the cells the picture lies on, with how many of its places."""
    if places is None:
        return []
    return [[int(cell), int(count)] for cell, count in sorted(Counter(places.flatten().tolist()).items()) if cell >= 0]


def caption(atlas: Atlas, look: str, image: str) -> list[Any]:
    """Return the caption of the map, as runs."""
    shown = "its most typical patch" if look == "patches" else "a picture made for what sets it apart"
    return [
        f"{len(atlas.cells)} cells, like beside like, each by {shown}. ",
        "Names: what a region speaks for. Dots: where ",
        [f"picture {image}" if image.isdecimal() else image, "em"], " lies.",
    ]  # fmt: skip


def note(atlas: Atlas) -> str:
    """Return what has to be known to read the map right."""
    sentences = list(atlas.notes)
    pictures = len(atlas.plan.numbers)
    if pictures < FEW:
        few = f"{pictures} pictures are few: {atlas.plan.places} places of each were drawn, so the map tells "
        sentences.insert(0, few + "these pictures apart more than what the layer knows.")
    return " ".join(sentences)


def cell_words(atlas: Atlas, opened: Opened, names: list[str]) -> dict[str, Any]:
    """Describe the opened cell."""
    cell = atlas.cells[opened.cell]
    heading: list[Any] = [f"{cell.count} places, speaks for "]
    heading += [[cell.name, "em"], f" with {100 * cell.share:.0f} % of what it adds"] if cell.name else ["no class"]
    total = sum(cell.labels.values())
    labels = [f"{name} {100 * count / total:.0f} %" for name, count in cell.labels.most_common(4)] if total else []
    tips = []
    for example in opened.examples:
        name = names[example.item] if example.item < len(names) else f"picture {example.item}"
        where = "" if example.place is None else f", row {example.place[0]}, column {example.place[1]}"
        tips.append(f"{name}{where}" + (f" · {example.name}" if example.name else ""))
    tile = opened.patches.shape[1] if len(opened.patches) else 0
    return {"heading": heading, "labels": labels, "tips": tips, "tile": tile, "count": len(opened.patches)}


def regions(atlas: Atlas) -> str:
    """Return what most cells speak for: ``"Speaks for coat (41 cells), dress (30), …"``."""
    counts = Counter(cell.name for cell in atlas.cells if cell.name).most_common(8)
    return "Speaks for " + ", ".join(f"{name} ({count} cells)" for name, count in counts) + "." if counts else ""


def laid_out(atlas: Atlas, pixels: np.ndarray) -> np.ndarray:
    """Lay tiles (cells, side, side, 3) at their squares, uint8 (H, W, 4), clear where there is no cell."""
    side = pixels.shape[1] + 1
    picture = np.zeros((atlas.side * side, atlas.side * side, 4), np.uint8)
    for cell, tile in zip(atlas.cells, pixels, strict=True):
        top, left = cell.row * side, cell.column * side
        picture[top : top + side - 1, left : left + side - 1, :3] = tile
        picture[top : top + side - 1, left : left + side - 1, 3] = 255
    return picture


def packed(pixels: np.ndarray) -> tuple[bytes, str]:
    """Pack tiles (n, side, side, 3) in rows of :data:`ACROSS`, as a file and its kind: small ones are never blurred."""
    count, side = pixels.shape[:2]
    rows = -(-count // ACROSS)
    sheet = np.zeros((rows * ACROSS, side, side, 3), np.uint8)
    sheet[:count] = pixels
    sheet = sheet.reshape(rows, ACROSS, side, side, 3).swapaxes(1, 2).reshape(rows * side, ACROSS * side, 3)
    # JPEG's blocks of eight pixels would blur tiles that small
    if side <= 32:
        return png(sheet), "image/png"
    out = io.BytesIO()
    Image.fromarray(sheet).save(out, "JPEG", quality=88, subsampling=0)
    return out.getvalue(), "image/jpeg"
