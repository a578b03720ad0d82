"""Request of the maps of a confused pair of classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbviz.drawing.photos import Pixels
from nbviz.pictures.samples import PassProgress
from nbviz.reviews.pair_maps import PairMaps, mean_picture
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Context, Request

SAMPLE = 60
"""Pictures of a confused pair that are compared, at most."""


@dataclass(frozen=True, eq=False)
class PairAnswer(PassProgress):
    """A comparison of a pair's maps so far."""

    maps: PairMaps | None = None
    """None until the end."""
    mean: Pixels | None = None
    """Mean gray picture (H, W) of those compared."""

    @property
    def complete(self) -> bool:
        return self.maps is not None


@dataclass(frozen=True)
class ComparePair(Request):
    """Maps of answer and label over the pictures of a confused pair: (label, prediction)."""

    review: Review
    pair: tuple[int, int]

    def __call__(self, context: Context) -> Iterator[PairAnswer]:
        for step in self.review.pairing(*self.pair, sample=SAMPLE):
            if isinstance(step, tuple):
                yield PairAnswer(*step)
                continue
            assert self.review.items is not None  # or there were no maps
            count = len(step.items)
            mean = mean_picture(context.model, self.review.items, step.items.tolist())
            yield PairAnswer(count, count, step, mean)
