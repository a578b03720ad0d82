"""Heat over a picture, as the cards show it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from nbviz.drawing.overlay import overlay

OPACITY = 0.6
"""Of the heat, 0…1."""


def laid_over(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat, uint8 RGBA of any size, over a picture uint8 (H, W, 3 or 4), no pixel smoothed: (H, W, 3)."""
    size = (picture.shape[1], picture.shape[0])
    return overlay(picture, np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.NEAREST)), OPACITY)
