"""Request of the means of a layer's channels over an index's data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nbviz.dataset import ChannelMeans, Index
from nbviz.session.requests.base import Context, Request


@dataclass(frozen=True)
class MeanOverPictures(Request):
    """Request of a layer's means over the pictures of an index; of no edits."""

    index: Index
    layer: str

    def __call__(self, context: Context) -> Iterator[ChannelMeans]:
        yield from self.index.averaging(self.layer)
