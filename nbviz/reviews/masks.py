"""Masks and boxes of objects, as the network sees their pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.model.boxes import Box
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.region import MaskLike
from nbviz.pictures.load import Picture

Truth = Callable[[int], MaskLike | Box | None] | Mapping[int, MaskLike | Box]
"""Item → a mask (H, W), not zero on the object, or a box (top, left, bottom, right), in the picture's own pixels."""


def truth_of(truth: Truth | None, item: int) -> MaskLike | Box | None:
    """Return what is known of an item's object: a mask, a box, or None."""
    if truth is None:
        return None
    if callable(truth):
        return truth(item)
    if not isinstance(truth, Mapping):
        raise NbvizError(f"truth= maps items' numbers to masks or boxes, or is a function of one, not {truth!r:.80}.")
    return truth.get(item)


def mask_seen(model: InstrumentedModel, picture: Picture, shape: MaskLike | Box, item: int) -> torch.Tensor:
    """Return a mask or box of a picture as a mask (H, W) of the network's input, cut and resized as the picture is.

    Raises NbvizError for one of another size, or that covers nothing that the network sees.
    """
    if picture.tensor is not None:
        height, width = picture.tensor.shape[-2:]
    else:
        width, height = picture.size
    mask = _mask(shape, height, width, item)
    if mask.all():
        mask = np.ones(model.input(picture).shape[-2:], bool)
    # a tensor is the network's input already, and so are its mask's pixels
    elif picture.tensor is None:
        image = Image.fromarray(np.repeat(mask[:, :, None], 3, 2).astype(np.uint8) * 255)
        # through the network's own preprocessing, as a picture: whatever it cuts off is cut off the mask
        seen = model.seen(image)
        # resized, a pixel is the object's where half of it or more is
        mask = seen.reshape(*seen.shape[:2], -1).max(2) > 127
    if not mask.any():
        raise NbvizError(f"The object of item {item} covers nothing of what the network sees of the picture.")
    return torch.from_numpy(mask)


def _mask(shape: MaskLike | Box, height: int, width: int, item: int) -> np.ndarray:
    values = np.asarray(shape.detach().cpu() if isinstance(shape, torch.Tensor) else shape)
    if values.shape == (height, width):
        return values != 0
    if values.shape != (4,):
        raise NbvizError(
            f"The object of item {item} is a mask ({height}, {width}), as large as the picture, or a box (top, left, "
            f"bottom, right) in its pixels, not of shape {values.shape}."
        )
    return Box(*values.astype(float)).mask((height, width))
