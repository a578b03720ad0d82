"""Boxes in a picture: their one order, (top, left, bottom, right), how far two overlap, and those of a map."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np
import torch


class Box(NamedTuple):
    """Rectangle in pixels of the network's input; pixel 0 reaches from 0 to 1, so bottom and right are excluded.

    Every box that nbviz takes or gives has this order, plain tuples too; only a detector's own raw output has not.
    """

    top: float
    left: float
    bottom: float
    right: float

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the pixels it touches, to cut them out of an array (H, W, …)."""
        return slice(int(self.top), ceil(self.bottom)), slice(int(self.left), ceil(self.right))

    @property
    def area(self) -> float:
        """Area in pixels."""
        return max(self.bottom - self.top, 0.0) * max(self.right - self.left, 0.0)

    def holds(self, row: float, column: float) -> bool:
        """Return whether a place, in pixels, lies in it."""
        return self.top <= row < self.bottom and self.left <= column < self.right

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        """Return which pixels of a picture (H, W) have their middle in it, bool (H, W)."""
        # by middles: pixels that are only touched would make every box larger
        rows, columns = (np.arange(length) + 0.5 for length in size)
        return ((rows >= self.top) & (rows <= self.bottom))[:, None] & (columns >= self.left) & (columns <= self.right)

    def iou(self, other: Box) -> float:
        """Intersection over union of two boxes, 0…1."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        shared = Box(top, left, min(self.bottom, other.bottom), min(self.right, other.right)).area
        joint = self.area + other.area - shared
        return shared / joint if joint > 0 else 0.0


def ious(boxes: torch.Tensor, box: Box) -> torch.Tensor:
    """Return the overlap of each of ``boxes`` (n, 4), as (left, top, right, bottom), with ``box``: IoU (n,) in 0…1."""
    # Apple's devices have no double
    boxes = boxes.double() if boxes.device.type != "mps" else boxes.float()
    left, top, right, bottom = boxes.unbind(1)
    high = (bottom.clamp(max=box.bottom) - top.clamp(min=box.top)).clamp(min=0)
    wide = (right.clamp(max=box.right) - left.clamp(min=box.left)).clamp(min=0)
    joint = (right - left).clamp(min=0) * (bottom - top).clamp(min=0) + box.area - high * wide
    shares = torch.where(joint > 0, high * wide / joint.clamp(min=torch.finfo(boxes.dtype).tiny), 0)
    # a box clipped to a line at the picture's edge has no area, and is still itself
    same = (boxes == boxes.new_tensor([box.left, box.top, box.right, box.bottom])).all(1)
    return torch.where(same, 1, shares)


def components(heat: torch.Tensor, threshold: float) -> list[Box]:
    """Return bounding boxes of the connected parts of a map (H, W) that reach ``threshold`` × its maximum.

    Parts touch along edges or corners; the one with the most pixels comes first.
    """
    return [box for box, _ in parts(heat, threshold)]


def parts(heat: torch.Tensor, threshold: float) -> list[tuple[Box, np.ndarray]]:
    """Return the connected parts that :func:`components` bounds, each with its own mask, bool (H, W)."""
    from skimage.measure import label, regionprops

    above = reaching(heat, threshold).numpy()
    numbered = label(above, connectivity=2)
    regions = sorted(regionprops(numbered), key=lambda part: -part.area)
    return [(Box(*map(float, part.bbox)), numbered == part.label) for part in regions]


def reaching(heat: torch.Tensor, threshold: float) -> torch.Tensor:
    """Return where a map (H, W) reaches ``threshold`` × its maximum, as bool; nowhere where none is above zero."""
    heat = torch.nan_to_num(heat.detach().double().cpu(), nan=0.0, posinf=0.0, neginf=0.0)
    peak = float(heat.max()) if heat.numel() else 0.0
    return heat >= threshold * peak if peak > 0 else torch.zeros_like(heat, dtype=torch.bool)
