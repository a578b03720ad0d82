"""PNG bytes, quickly: a palette where pixels are data, and the cheapest compression level.

One page of 512 maps is 9 ms as a palette picture at level 1, and 65 ms as RGB at Pillow's own level; what was encoded
before is found by its pixels.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nbviz.drawing.encoded import Encoded

Pixels = NDArray[np.uint8]
_ENCODED = Encoded()


def png(pixels: Pixels, palette: Pixels | None = None) -> bytes:
    """Return ``pixels`` as PNG bytes.

    uint8 of shape (H, W) is gray, or indices where a ``palette`` (uint8 (≤256, 4) RGBA) is given; (H, W, 3) is
    RGB and (H, W, 4) RGBA. Another dtype or shape is a ValueError.
    """
    arrays = (pixels,) if palette is None else (pixels, palette)
    return _ENCODED.get("png", lambda: _bytes(to_image(pixels, palette), palette), *arrays)


def compact_png(pixels: Pixels) -> bytes:
    """Return RGBA pixels, uint8 (H, W, 4), as PNG bytes; with a palette where there are at most 256 colours.

    Every map drawn has so few: its file is a third.
    """
    return _ENCODED.get("compact", lambda: _compact(pixels), pixels)


def _compact(pixels: Pixels) -> bytes:
    # A pixel's four bytes as one number: unique of rows takes a hundred times as long.
    packed = np.ascontiguousarray(pixels).view(np.uint32)[..., 0]
    colours = np.unique(packed)
    if len(colours) > 256:
        return _bytes(to_image(pixels), None)
    indices = np.searchsorted(colours, packed).astype(np.uint8)  # half the time of np.unique's own inverse
    palette = colours.view(np.uint8).reshape(-1, 4)
    return _bytes(to_image(indices, palette), palette)


def to_image(pixels: Pixels, palette: Pixels | None = None) -> Image.Image:
    """Return ``pixels`` (as for ``png``) as a Pillow image."""
    drawable = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if pixels.dtype != np.uint8 or not drawable:
        raise ValueError(f"pixels are uint8 (H, W), (H, W, 3) or (H, W, 4), not {pixels.dtype} {pixels.shape}")
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if palette is None:
        return image
    # Pillow takes RGB here; the opacities go into the file as it is saved.
    image.putpalette(palette[:, :3].tobytes())
    return image


def lean_png(picture: Image.Image) -> bytes:
    """Return an RGB picture as PNG bytes in 256 colours, a third of the bytes: a notebook keeps one per cell."""
    out = io.BytesIO()
    # A tenth of the time of the median cut, which is Pillow's own choice.
    picture.quantize(256, Image.Quantize.FASTOCTREE).save(out, "PNG")
    return out.getvalue()


def data_url(data: bytes) -> str:
    """Return a PNG's bytes as a ``data:`` address for a stylesheet or an ``<img>``."""
    return f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"


def _bytes(image: Image.Image, palette: Pixels | None) -> bytes:
    out = io.BytesIO()
    # Without transparency the chunk would only cost its bytes.
    clear = palette is not None and bool((palette[:, 3] < 255).any())
    extra = {"transparency": palette[:, 3].tobytes()} if palette is not None and clear else {}
    image.save(out, "PNG", compress_level=1, **extra)
    return out.getvalue()
