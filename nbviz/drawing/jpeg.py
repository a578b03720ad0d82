"""JPEG bytes of a picture that is on show for a moment: a fiftieth of a PNG's time and a sixth of its bytes."""

from __future__ import annotations

import io

from nbviz.drawing.png import Pixels, to_image


def jpeg(pixels: Pixels) -> bytes:
    """Return RGB pixels, uint8 (H, W, 3), as JPEG bytes; colours whole, for small pictures are shown large."""
    out = io.BytesIO()
    to_image(pixels).save(out, "JPEG", quality=92, subsampling=0)
    return out.getvalue()
