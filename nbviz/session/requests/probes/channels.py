"""Request of a layer's channels over the pictures of a review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nbviz.reviews.channels.study import ChannelStudy
from nbviz.reviews.result import Review
from nbviz.session.requests.base import Context, Request

if TYPE_CHECKING:
    import pandas


LOOKING = 0.1
"""Share of the work that goes before the first channel is switched off: one forward per picture, cut at the layer."""


@dataclass(frozen=True, eq=False)
class StudyAnswer:
    """Study of channels so far."""

    progress: str
    done: float
    study: ChannelStudy | None = None
    """Of the pictures so far; None until there are two of each class."""
    table: pandas.DataFrame | None = None
    """Its table, as ``review.channels(layer)`` gives it in the end."""


@dataclass(frozen=True)
class StudyChannels(Request):
    """Effects, class profiles and most driving pictures of a layer's channels."""

    review: Review
    layer: str

    def __call__(self, context: Context) -> Iterator[StudyAnswer]:
        answer = StudyAnswer("", 0.0)
        for step in self.review.studying(self.layer):
            if isinstance(step, ChannelStudy):
                answer = replace(answer, study=step, table=step.table())
            else:
                off, count, total = step
                share = LOOKING + (1 - LOOKING) * count / total if off else LOOKING * count / total
                words = "with channels off" if off else "looked at"
                answer = replace(answer, progress=f"{count:,} of {total:,} pictures {words}", done=min(share, 0.999))
            yield answer
        yield replace(answer, progress="", done=1.0)
