"""Requests of a data set: an index of it, and the pictures that drive channels most."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nbviz.dataset import Example, Index, LiveIndex, indexing
from nbviz.model.boxes import Box
from nbviz.pictures.samples import Items
from nbviz.session.requests.base import Context, Request

INTERVAL = 0.1
"""Seconds between partial pages."""
BEST = 8
"""Pictures on a card."""


@dataclass(frozen=True)
class LookThrough(Request):
    """Request of an index of all layers over a data set, made a batch at a time."""

    items: Items
    batch: int | None = None
    """Pictures in a step; None for as many as are quickest."""

    def __call__(self, context: Context) -> Iterator[LiveIndex]:
        yield from indexing(context.model, self.items, batch=self.batch)


@dataclass(frozen=True)
class Unsearched:
    """Error of a layer that no index covers."""

    layer: str
    count: int
    """Pictures that could be looked through."""
    done: float = 1.0


@dataclass(frozen=True)
class NoIndex(Request):
    """Answer where no index covers the layer: the pictures there are to look through."""

    layer: str
    count: int

    def __call__(self, context: Context) -> Iterator[Unsearched]:
        yield Unsearched(self.layer, self.count)


@dataclass(frozen=True)
class Crop:
    """Found picture as it is drawn."""

    pixels: np.ndarray
    """uint8 (h, w, 3): the part the channel sees, widened to a square where the picture has room for it."""
    whole: np.ndarray
    """uint8 (H, W, 3): all of the picture, as the network saw it."""
    box: Box
    """(top, left, bottom, right) in pixels of ``whole``: exactly what the place can see."""
    item: int
    activation: float
    name: str | None
    """Its class as text, where there are labels."""


@dataclass(frozen=True)
class FoundPageRequest:
    """Answer of each of some channels' strongest picture, so far."""

    layer: str
    crops: Mapping[int, Crop]
    total: int
    """Pictures looked through."""
    problem: str
    done: float = 1.0


@dataclass(frozen=True)
class FoundChannels(Request):
    """Request of each channel's strongest picture."""

    index: Index
    layer: str
    channels: tuple[int, ...]

    def __call__(self, context: Context) -> Iterator[FoundPageRequest]:
        crops: dict[int, Crop] = {}
        yielded, total, problem = time.perf_counter(), self.index.seen, " ".join(self.index.problems)
        for place, channel in enumerate(self.channels):
            for example in self.index.top(self.layer, channel, 1):
                crops[channel] = crop(example)
            # by time, not by channel: a panel draws the whole page for each answer
            if time.perf_counter() - yielded >= INTERVAL:
                yielded = time.perf_counter()
                yield FoundPageRequest(
                    self.layer, dict(crops), total, problem, 0.999 * (place + 1) / len(self.channels)
                )
        yield FoundPageRequest(self.layer, crops, total, problem)


@dataclass(frozen=True)
class Finds:
    """Pictures of a data set, and its classes, for one channel."""

    layer: str
    channel: int
    crops: Sequence[Crop]
    """Best first."""
    total: int
    profile: Sequence[tuple[str, float]]
    """[(class, share of the strongest pictures), …], greatest first; empty without labels."""
    selectivity: float | None
    quantiles: tuple[float, float, float] | None
    """Strongest, middle and weakest of a random sample of pictures, where the index has one."""
    done: float = 1.0


@dataclass(frozen=True)
class FoundChannel(Request):
    """Request of one channel's strongest pictures and its class profile."""

    index: Index
    layer: str
    channel: int

    def __call__(self, context: Context) -> Iterator[Finds]:
        index, where = self.index, (self.layer, self.channel)
        examples = index.top(*where, BEST)
        labelled = any(example.label is not None for example in examples)
        profile = index.profile(*where) if labelled else []
        selectivity = index.selectivity(*where) if labelled else None
        about, crops = (*where,), list[Crop]()
        for example in examples:
            crops.append(crop(example))
            if len(crops) < len(examples):
                # below 1, which would call it the last
                share = 0.999 * len(crops) / len(examples)
                yield Finds(*about, list(crops), index.seen, profile, selectivity, None, share)
        yield Finds(*about, crops, index.seen, profile, selectivity, _quantiles(index, *where))


def _quantiles(index: Index, layer: str, channel: int) -> tuple[float, float, float] | None:
    if not index.plan.sample:
        return None
    values = [example.activation for example in index.quantiles(layer, channel, 3)]
    return (values[0], values[len(values) // 2], values[-1]) if values else None


def crop(example: Example) -> Crop:
    """Return an example as it is drawn."""
    whole, box = example.picture, example.box
    square = _squared(box, (whole.shape[0], whole.shape[1])).slices
    return Crop(whole[square], whole, box, example.item, example.activation, example.name)


def _squared(box: Box, size: tuple[int, int]) -> Box:
    """Widen a box to a square, moved inside the picture; as far as the picture has room."""
    top, left, bottom, right = box
    side = max(bottom - top, right - left)
    (top, bottom), (left, right) = _span(top, side, size[0]), _span(left, side, size[1])
    return Box(top, left, bottom, right)


def _span(low: float, side: float, size: int) -> tuple[float, float]:
    # what an edge cut off is added on the other side
    side = min(side, size)
    start = min(low, size - side)
    return start, start + side
