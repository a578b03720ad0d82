"""Reviews of a network over many pictures: right and wrong, how sure, where it fails, which cues it uses."""

from __future__ import annotations

from nbviz.reviews.channels.study import Sampling
from nbviz.reviews.cues.hunt import Hunt
from nbviz.reviews.detection.review import DetectionReview
from nbviz.reviews.listing import Listing
from nbviz.reviews.making import load, review
from nbviz.reviews.result import Review
from nbviz.reviews.segmentation.review import SegmentationReview
from nbviz.reviews.shift.corruptions import CORRUPTIONS, corruption

__all__ = [
    "CORRUPTIONS",
    "DetectionReview",
    "Hunt",
    "Listing",
    "Review",
    "Sampling",
    "SegmentationReview",
    "corruption",
    "load",
    "review",
]
