"""Which pictures of a review are listed, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nbviz.errors import unknown
from nbviz.reviews.result import Order, Review

Answers = Literal["all", "wrong", "right", "sure", "surely wrong"]
ANSWERS: tuple[str, ...] = get_args(Answers)
SURE = 0.9
"""Probability from which an answer counts as sure."""


@dataclass(frozen=True)
class Listing:
    """A choice of pictures; every filter narrows it."""

    order: Order = "surest"
    answers: Answers = "all"
    label: int | None = None
    """Class that they are labelled as; None for any."""
    prediction: int | None = None
    """Class that the network says; None for any."""
    part: tuple[str, str] | None = None
    """A slice: column and the name of its part, as ``review.slices`` has them; None for all pictures."""
    items: tuple[int, ...] | None = None
    """Items by number, such as those that are marked; None for all."""

    def rows(self, review: Review) -> NDArray[np.int64]:
        """Return rows of ``review.pictures``, in order.

        Raises Refused where labels are needed and there are none, and UnknownName for a slice that isn't there.
        """
        order = review.order(self.order)
        # the order first: "surely wrong" and "suspect label" hold only some of the pictures
        return order[self._inside(review)[order]]

    def _inside(self, review: Review) -> NDArray[np.bool_]:
        inside = np.ones(len(review), bool)
        if self.label is not None and self.prediction is not None:
            # asked of the review: a picture may have both classes and take neither for the other, as with boxes
            inside &= review.confuses(self.label, self.prediction)
        elif self.label is not None:
            inside &= review.has_class(self.label)
        elif self.prediction is not None:
            inside &= review.says_class(self.prediction)
        if self.part is not None:
            inside &= _slice(review, self.part)
        if self.items is not None:
            inside &= np.isin(review.column("items"), self.items)
        return inside & self._answered(review)

    def _answered(self, review: Review) -> NDArray[np.bool_]:
        if self.answers == "all":
            return np.ones(len(review), bool)
        sure = review.probability >= SURE
        if self.answers == "sure":
            return sure
        chosen = np.zeros(len(review), bool)
        chosen[review.known] = review.right if self.answers == "right" else ~review.right
        return chosen & sure if self.answers == "surely wrong" else chosen


def _slice(review: Review, part: tuple[str, str]) -> NDArray[np.bool_]:
    found = review.parts.get(part)
    if found is None:
        raise unknown("Slice", ", ".join(part), [", ".join(key) for key in review.parts], "this review")
    return found
