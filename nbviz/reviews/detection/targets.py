"""True boxes of a picture as people have them, in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.arrays import array_of
from nbviz.errors import NbvizError, Refused
from nbviz.pictures.preprocessing import Preprocessing
from nbviz.reviews.dense.geometry import Geometries
from nbviz.reviews.dense.samples import Sample

BEYOND = 0.05
"""Share of a side by which a box may reach beyond its picture."""


@dataclass(frozen=True, eq=False)
class TrueBoxes:
    """True boxes of one picture."""

    boxes: NDArray[np.float64]
    """(n, 4): left, top, right, bottom, in pixels of the network's input."""
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]
    """Boxes around many objects, in which nothing counts as found or made up."""


class Targets:
    """Reader of targets; boxes follow their pictures through resizing and cropping."""

    def __init__(self, transform: Preprocessing, classes: int) -> None:
        """classes: how many there are; 0 where that isn't known."""
        self._geometries, self._classes = Geometries(transform), classes

    def read(self, sample: Sample) -> TrueBoxes | None:
        """Return a sample's target; None where there is none. Raises Refused for what are no boxes, and other classes.

        NbvizError for boxes that reach far beyond their picture.
        """
        if sample.truth is None:
            return None
        boxes, labels, crowd = parts(sample.truth, sample.number)
        width, height = sample.picture.size
        check_boxes(boxes, (width, height), sample.number)
        if len(labels) and (labels.min() < 0 or (self._classes and labels.max() >= self._classes)):
            strange = int(labels.min() if labels.min() < 0 else labels.max())
            raise Refused(
                f"A box of item {sample.number} is labelled {strange}, and the network has classes 0 to "
                f"{self._classes - 1}: pass labels= with its own class numbers (torchvision's begin behind 0, the "
                "background)."
            )
        # a tensor is the network's input already, and so are its boxes' pixels
        if len(boxes) and sample.picture.tensor is None:
            geometry = self._geometries.of((height, width))
            boxes = geometry.boxes(boxes)
        return TrueBoxes(boxes, labels, crowd)


def parts(truth: object, number: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return boxes (n, 4), labels (n,) and whether each is of a crowd, of a mapping with "boxes" and "labels"."""
    # torchvision's detectors take a list with a mapping per picture: one of this picture alone
    if isinstance(truth, (list, tuple)) and len(truth) == 1:
        truth = truth[0]
    if not isinstance(truth, Mapping) or not {"boxes", "labels"} <= truth.keys():
        given = f"a mapping with {', '.join(map(repr, truth))}" if isinstance(truth, Mapping) else type(truth).__name__
        raise Refused(
            f"The target of item {number} is {given}: it is a mapping with 'boxes' (n, 4), (left, top, right, bottom) "
            "in pixels, and 'labels' (n,), as torchvision's detectors take them."
        )
    boxes = corners(truth["boxes"], number)
    labels, crowd = _numbers(truth["labels"]), _numbers(truth.get("iscrowd", np.zeros(len(boxes))))
    if not boxes.size:
        return np.zeros((0, 4)), np.zeros(0, np.int64), np.zeros(0, bool)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or labels.shape != (len(boxes),) or len(crowd) != len(boxes):
        raise Refused(
            f"The target of item {number} has boxes of shape {boxes.shape} and labels of shape {labels.shape}: (n, 4) "
            "and (n,) are wanted."
        )
    if labels.dtype.kind not in "iu":
        raise Refused(f"The labels of item {number} are {labels.dtype}: a label is the whole number of a class.")
    return boxes, labels.astype(np.int64), crowd.astype(bool)


def corners(given: object, number: int) -> NDArray[np.float64]:
    """Return boxes as corners; torchvision's ``BoundingBoxes`` say themselves in which form they are."""
    boxes = _numbers(given).astype(float)
    form = getattr(getattr(given, "format", None), "name", "XYXY")
    if form == "XYXY" or not boxes.size:
        return boxes
    first, sides = boxes[:, :2], boxes[:, 2:]
    if form == "XYWH":
        return np.concatenate([first, first + sides], 1)
    if form == "CXCYWH":
        return np.concatenate([first - sides / 2, first + sides / 2], 1)
    raise Refused(f"The boxes of item {number} are of the form {form}: turn them to XYXY.")


def _numbers(value: object) -> NDArray[Any]:
    if isinstance(value, torch.Tensor):
        return array_of(value)
    return np.asarray(value)


def check_boxes(boxes: NDArray[np.float64], size: tuple[int, int], number: int) -> None:
    """Raise Refused for boxes in another form than corners in pixels, NbvizError for one far beyond its picture.

    size: (width, height) of the picture.
    """
    if not np.isfinite(boxes).all():
        raise NbvizError("its boxes are not finite numbers.")
    turned = (boxes[:, 2:] < boxes[:, :2]).any(1)
    if turned.any():
        raise Refused(
            f"A box of item {number} ends before it begins ({_listed(boxes[turned][0])}): (left, top, right, bottom) "
            "is wanted. From (left, top, width, height): boxes[:, 2:] += boxes[:, :2]; COCO's files have those."
        )
    # shares look like boxes of a pixel in the corner: nothing would ever be found, and nothing would say why
    if len(boxes) and boxes.max() <= 1 and min(size) > 2:
        raise Refused(
            f"The boxes of item {number} lie in 0…1 ({_listed(boxes[0])}), as shares of the picture: pixels are "
            f"wanted, boxes * torch.tensor([width, height, width, height]), here {size[0]} × {size[1]}."
        )
    # annotators' boxes often overshoot by a little; ten times the picture is another unit
    room = 1 + np.array([*size, *size]) * (1 + BEYOND)
    if (boxes > room).any():
        bad = boxes[(boxes > room).any(1)][0]
        raise NbvizError(f"a box ({_listed(bad)}) reaches beyond its picture of {size[0]} × {size[1]}.")


def _listed(box: NDArray[np.float64]) -> str:
    return ", ".join(f"{edge:g}" for edge in box)
