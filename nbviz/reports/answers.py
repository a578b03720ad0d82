"""Answers of a network picture by picture, which pair one report with another."""

from __future__ import annotations

import numpy as np

from nbviz.reports.values import Values
from nbviz.reviews.detection.review import DetectionReview
from nbviz.reviews.result import Review
from nbviz.reviews.segmentation.review import SegmentationReview
from nbviz.reviews.several import SeveralReview


def single_answers(review: Review) -> Values:
    """Return what pairs one report with another, picture by picture."""
    if isinstance(review, SegmentationReview):
        return {"pixels": _pixels(review)}
    if isinstance(review, DetectionReview):
        return {"boxes": _boxes(review)}
    return {"rows": _rows(review)}


def _boxes(review: DetectionReview) -> Values:
    """Return found boxes and true ones of each item that has a target; matches at an overlap of .5."""
    items = review.column("items")[review.known].tolist() if review.labelled else []
    names = ("box_items", "box_label", "box_score", "object_items", "object_label")
    columns = {name: review.column(name).tolist() for name in names}
    # at the first overlap alone: a comparison tells AP50
    return {"items": items, **columns, "box_match": review.column("box_match")[:, 0].tolist()}


def _pixels(review: SegmentationReview) -> Values:
    """Return pixels by class and answer of each item, which pair one report with another."""
    names = ("items", "pair_items", "pair_label", "pair_prediction", "pair_count")
    columns = {name: review.column(name) for name in names}
    known = columns["pair_label"] >= 0
    items = columns["items"][review.known].tolist() if review.labelled else []
    return {"items": items, **{name: columns[name][known].tolist() for name in names[1:]}}


def _rows(review: Review) -> Values:
    """Return answers by item, which pair one report with another."""
    names = ("items", "labels", "prediction")
    rows = {name: review.column(name).tolist() for name in names}
    if isinstance(review, SeveralReview):
        # whether each is right, not its labels, which are as many as there are classes
        right = np.full(len(review), -1)
        right[review.known] = review.right
        rows["right"] = right.tolist()
    return rows
