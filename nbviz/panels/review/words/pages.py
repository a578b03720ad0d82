"""Texts and tables of the stage Review for each kind of review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbviz.panels.review.words import boxes, classes, masks
from nbviz.panels.review.words.curves import curve
from nbviz.reviews.detection.review import DetectionReview
from nbviz.reviews.result import Order, Review
from nbviz.reviews.segmentation.review import SegmentationReview

PAGES = (
    ("pictures", "Pictures", "Which are right and wrong, in the order that you choose"),
    ("classes", "Classes", "Which class is taken for which"),
    ("calibration", "Calibration", "Whether its probabilities can be believed"),
    ("slices", "Slices", "Parts of the data on which it does worse"),
    ("labels", "Labels", "Labels that the network speaks against, and the training pictures behind an answer"),
    ("cues", "Cues", "Marks in the pictures that it leans on and should not"),
    ("channels", "Channels", "Which class each channel of the layer matters for, and which pictures drive it"),
    ("shift", "Shift", "How it does when light, sensor or file change"),
)
CODE = {"labels": "review.suspect_labels", "cues": "review.cues()", "shift": "review.shift()"}
"""Python of the pages whose name is not the review's own."""


@dataclass(frozen=True)
class PageWords:
    """Functions of a review that give what its pages show."""

    figures: Callable[[Any], list[list[str]]]
    choices: Callable[[Any], dict[str, Any]]
    tiles: Callable[[Any, np.ndarray], list[list[Any]]]
    matrix: Callable[[Any], dict[str, Any]]
    curve: Callable[[Any], dict[str, Any]]
    slices: Callable[[Any], dict[str, Any]]
    first: Order = "surest"
    """Order of the pictures at first."""
    missing: frozenset[str] = frozenset()
    """Pages that such a review has not, and why."""
    why: str = ""


CLASSES = PageWords(classes.figures, classes.choices, classes.tiles, classes.matrix, curve, classes.slice_rows)
MASKS = PageWords(
    masks.figures, masks.choices, masks.tiles, masks.matrix, masks.curve,
    masks.slice_rows, "worst", frozenset(("labels", "cues", "channels", "shift")), masks.MISSING,
)  # fmt: skip


BOXES = PageWords(
    boxes.figures, boxes.choices, boxes.tiles, boxes.matrix, boxes.curve, boxes.slice_rows,
    "worst", MASKS.missing, boxes.MISSING,
)  # fmt: skip


def words_of(review: Review) -> PageWords:
    """Return the texts for a kind of review."""
    if isinstance(review, DetectionReview):
        return BOXES
    return MASKS if isinstance(review, SegmentationReview) else CLASSES
