"""Reviews: how a network does over many pictures: right and wrong, how sure, where it fails, what it leans on."""

from __future__ import annotations

from nbviz.reviews.corruptions import CORRUPTIONS, corruption
from nbviz.reviews.cues import Hunt
from nbviz.reviews.making import load, review
from nbviz.reviews.result import Review

__all__ = ["CORRUPTIONS", "Hunt", "Review", "corruption", "load", "review"]
