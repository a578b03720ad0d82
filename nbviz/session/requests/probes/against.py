"""Request of a comparison with a review of another data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbviz.pictures.samples import PassProgress
from nbviz.reviews.records.records import Records
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Context, Request

if TYPE_CHECKING:
    import pandas

SAMPLE = 300
"""Pictures of each data set that channels are compared over, at most."""


@dataclass(frozen=True, eq=False)
class AgainstAnswer(PassProgress):
    """A comparison of two data sets so far."""

    table: pandas.DataFrame | None = None
    """As ``review.shift(against=…, layer=…)`` gives it; None until the end."""

    @property
    def complete(self) -> bool:
        return self.table is not None


@dataclass(frozen=True)
class CompareAgainst(Request):
    """Figures of two data sets, and the channels of a layer on both."""

    review: Review
    other: Records
    layer: str

    def __call__(self, context: Context) -> Iterator[AgainstAnswer]:
        total = sum(min(SAMPLE, len(records)) for records in (self.review, self.other))
        for step in self.review.drifting(self.other, self.layer, sample=SAMPLE):
            if isinstance(step, int):
                yield AgainstAnswer(step, total)
            else:
                yield AgainstAnswer(total, total, step)
