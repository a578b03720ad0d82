"""A page of colour pictures as one JPEG, tile beside tile.

In full colour a page of 24 is half a megabyte as PNG, and a sixth of that as JPEG; a palette would be as large and
coarser. Between tiles lies a gap that repeats their edges, so that a browser that smooths mixes no two pictures.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbviz.drawing.mosaic import Mosaic

GAP = 4
QUALITY = 80
ROUGH = 45
"""Quality of a picture that is not finished."""
EMPTY = 127
"""Gray of a tile that has no picture."""
Pixels = NDArray[np.uint8]


def photo_mosaic(pictures: Sequence[Pixels | None], columns: int, side: int) -> Mosaic:
    """Draw pictures (h, w, 3), uint8 and of any sizes, as square tiles of ``side`` pixels.

    What isn't square stands in the middle of its tile; None is an even gray. Smaller pictures are enlarged
    without smoothing, larger ones averaged down.
    """
    tiles = [_tile(picture, side) for picture in pictures]
    rows = max(1, -(-len(tiles) // columns))
    margin = GAP // 2
    cells = np.full((rows * columns, side + GAP, side + GAP, 3), EMPTY, np.uint8)
    for cell, tile in zip(cells, tiles, strict=False):
        cell[...] = np.pad(tile, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    cells = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    sheet = cells.reshape(rows * (side + GAP), columns * (side + GAP), 3)[margin:-margin, margin:-margin]
    return Mosaic(jpeg(sheet), columns, rows, side, side, GAP, None, 0, "image/jpeg")


def jpeg(pixels: Pixels, quality: int = QUALITY) -> bytes:
    """Return uint8 (H, W, 3) or (H, W) as JPEG bytes."""
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def webp(pixels: Pixels) -> bytes:
    """Return uint8 (H, W, 4) as WebP bytes, roughly: for what is soon drawn again."""
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "WEBP", quality=ROUGH, method=1)
    return out.getvalue()


def _tile(picture: Pixels | None, side: int) -> Pixels:
    tile = np.full((side, side, 3), EMPTY, np.uint8)
    if picture is None or not picture.size:
        return tile
    image = fitted(picture, side)
    top, left = (side - image.height) // 2, (side - image.width) // 2
    tile[top : top + image.height, left : left + image.width] = np.asarray(image)
    return tile


def fitted(picture: Pixels, side: int) -> Image.Image:
    """Return a picture (h, w, 3) with its longer side ``side`` pixels: enlarged without smoothing, or averaged down."""
    share = side / max(picture.shape[:2])
    height, width = (max(1, round(length * share)) for length in picture.shape[:2])
    # nothing is invented between the pixels of a small picture
    how = Image.Resampling.NEAREST if share > 1 else Image.Resampling.BOX
    return Image.fromarray(picture).resize((width, height), how)


def reencoded(data: bytes) -> bytes:
    """Return a picture's file as PNG, the kind that every notebook keeps."""
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).save(out, "PNG")
    return out.getvalue()
