"""Texts and tables of the stage Review for each kind of review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbviz.panels.review import box_words, mask_words, review_words
from nbviz.panels.review.review_curve import curve
from nbviz.reviews.detection.review import DetectionReview
from nbviz.reviews.result import Order, Review
from nbviz.reviews.segmentation.review import SegmentationReview


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


CLASSES = PageWords(
    review_words.figures, review_words.choices, review_words.tiles, review_words.matrix, curve, review_words.slice_rows
)
MASKS = PageWords(
    mask_words.figures, mask_words.choices, mask_words.tiles, mask_words.matrix, mask_words.curve,
    mask_words.slice_rows, "worst", frozenset(("labels", "cues", "shift")), mask_words.MISSING,
)  # fmt: skip


BOXES = PageWords(
    box_words.figures, box_words.choices, box_words.tiles, box_words.matrix, box_words.curve, box_words.slice_rows,
    "worst", MASKS.missing, box_words.MISSING,
)  # fmt: skip


def words_of(review: Review) -> PageWords:
    """Return the texts for a kind of review."""
    if isinstance(review, DetectionReview):
        return BOXES
    return MASKS if isinstance(review, SegmentationReview) else CLASSES
