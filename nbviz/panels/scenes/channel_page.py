"""Page of a layer's channels as plain data: which, drawn how, and described how.

Small layers get few, larger tiles; a page never takes more than half its width in height, nor more than
about 100 kB: maps are averaged down until a page of them fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, sqrt

import numpy as np

from nbviz.drawing.numbers import three_digits
from nbviz.drawing.overlay import Limits, Mosaic, bars, filters_mosaic, mosaic, photo_mosaic
from nbviz.session.requests.base import ChannelsAnswer

TILES, BARS, DEEP_FILTERS, PHOTOS = 72, 144, 24, 24
"""Tiles a page: of maps, of numbers, of filters with many kernels, of pictures."""
SMALL_PHOTO, PHOTO, LARGE_PHOTO, FEW = 64, 112, 160, 6
"""Pixels a side of a picture on a page: at least, at most, and at most on a page of few."""
BUDGET = 104_000
"""Pixels, and so about bytes, a page of maps may have."""


@dataclass(frozen=True)
class ChannelLook:
    """Choices of a person about how channels are drawn."""

    mode: str = "maps"
    """``"maps"``, ``"filters"``, ``"made"`` or ``"found"``."""
    sort: str = "class"
    """``"class"``, ``"effect"``, ``"activation"`` or ``"index"``."""
    shared: bool = False
    """True if all maps share the layer's scale."""
    recipe: str = "default"
    """How pictures are made: ``"preview"``, ``"default"`` or ``"high"``."""
    page: int = 0
    held: tuple[int, int] | None = None
    """Channel whose tile stays where it is, whatever the order, and its rank there, from 0."""


@dataclass(frozen=True, eq=False)
class Photos:
    """Pictures that stand for channels: made for them, or found."""

    tiles: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Channel → uint8 (h, w, 3); those that are missing are not there yet."""
    words: Mapping[int, str] = field(default_factory=dict)
    """Channel → what is said of its picture."""
    caption: str = ""
    note: str = ""


@dataclass(frozen=True)
class ChannelsPage:
    """Page as drawn: ``channels[i]`` is tile i of the mosaic and ``words[i]`` its description."""

    channels: list[int]
    words: list[str]
    mosaic: Mosaic
    aspect: float
    """Width over height of a tile on screen."""
    heights: list[float]
    """For a layer of numbers, each as a share −1…1 of its largest, drawn as bars on screen; else empty."""
    caption: str
    note: str
    """A further sentence; empty where none is needed."""
    first: int
    """Rank of the first tile, from 0."""
    per_page: int
    photos: bool = False
    """True if its tiles are pictures."""


def mode_of(look: ChannelLook, filters: np.ndarray | None) -> str:
    """Return the mode that can be shown: maps for filters where there are none."""
    return "maps" if look.mode == "filters" and filters is None else look.mode


def ordered(answer: ChannelsAnswer, look: ChannelLook) -> list[int]:
    """Return all channels as they stand on the pages."""
    order: list[int] = answer.order(look.sort).tolist()
    if look.held is not None and look.held[0] in order:
        # a tile that jumps away under the pointer when new figures come would make the next click hit another
        order.remove(look.held[0])
        order.insert(look.held[1], look.held[0])
    return order


def per_page(answer: ChannelsAnswer, look: ChannelLook, filters: np.ndarray | None) -> int:
    """Return the number of tiles of a full page."""
    if look.mode in ("made", "found"):
        return PHOTOS
    if look.mode == "filters" and filters is not None:
        return TILES if filters.shape[1] <= 4 else DEEP_FILTERS
    return TILES if answer.maps.places else BARS


def page_of(answer: ChannelsAnswer, look: ChannelLook, filters: np.ndarray | None, channel: int) -> int:
    """Return the page, from 0, on which a channel stands; the first for one of a network that has changed since."""
    order = ordered(answer, look)
    return order.index(channel) // per_page(answer, look, filters) if channel in order else 0


def make_page(
    answer: ChannelsAnswer, look: ChannelLook, filters: np.ndarray | None, photos: Photos | None = None
) -> ChannelsPage:
    """Draw a page of a layer's channels; ``filters`` (C, in, kh, kw) and ``photos`` are drawn in their modes."""
    count = per_page(answer, look, filters)
    first = look.page * count
    chosen = ordered(answer, look)[first : first + count]
    # of a full page: on the last one, which may have few tiles, they stay as large
    total = min(count, len(answer.peaks))
    heights: list[float] = []
    if look.mode in ("made", "found"):
        return _photos(answer, photos or Photos(), chosen, total, first)
    if look.mode == "filters" and filters is not None:
        drawn, aspect, caption, note = _filters(filters, chosen, total)
    elif answer.maps.places:
        drawn, aspect, caption, note = _maps(answer, look, chosen, total)
    else:
        # of a vector, tiles of one colour each, mostly black, told little
        drawn, aspect, caption, note = _bars(answer, chosen, total)
        heights = bar_heights(answer, chosen)
    if drawn.bad:
        caption += f" · gray: {drawn.bad:,} values that are not finite"
    words = [tile_words(answer, channel) for channel in chosen]
    return ChannelsPage(chosen, words, drawn, aspect, heights, caption, note, first, count)


def _photos(answer: ChannelsAnswer, photos: Photos, chosen: list[int], total: int, first: int) -> ChannelsPage:
    pictures = [photos.tiles.get(channel) for channel in chosen]
    longest = max((max(picture.shape[:2]) for picture in pictures if picture is not None), default=0)
    side = min(max(longest, SMALL_PHOTO), LARGE_PHOTO if total <= FEW else PHOTO)
    drawn = photo_mosaic(pictures, columns(total, 1.0), side)
    words = [" · ".join(filter(None, (tile_words(answer, c), photos.words.get(c)))) for c in chosen]
    return ChannelsPage(chosen, words, drawn, 1.0, [], photos.caption, photos.note, first, PHOTOS, photos=True)


Drawn = tuple[Mosaic, float, str, str]


def _maps(answer: ChannelsAnswer, look: ChannelLook, chosen: Sequence[int], total: int) -> Drawn:
    maps = answer.maps
    height, width = maps.values.shape[1:]
    signed = maps.signed
    # of all the layer's channels, not the page's: else a colour would mean something else on the next page
    limits = Limits.of(maps.values, signed) if look.shared else None
    # by the longer side, which tile_px bounds: a palette PNG is about a byte a pixel
    side = int(sqrt(BUDGET / total * max(height, width) / min(height, width)))
    # one picture of all tiles: with a widget for each, a page of 512 took 2 to 4 s
    drawn = mosaic(
        maps.values, columns(total, height / width), signed=signed, shared=look.shared,
        order=chosen, tile_px=side, gap=1, limits=limits,
    )  # fmt: skip
    return drawn, width / height, maps_caption(signed, limits), ""


def _bars(answer: ChannelsAnswer, chosen: Sequence[int], total: int) -> Drawn:
    vector = answer.maps.values[:, 0, 0]
    signed = answer.maps.signed
    limits = Limits.of(vector, signed)
    across = min(36, max(12, total))
    drawn = bars(vector, across, signed=signed, order=chosen, gap=1, limits=limits)
    words = f"one number per channel, the tallest bar {three_digits(limits.high)}"
    if signed:
        words = f"one number per channel: above and below zero, to ±{three_digits(limits.high)}"
    return drawn, 8 / across, words, ""


def bar_heights(answer: ChannelsAnswer, chosen: Sequence[int]) -> list[float]:
    """Return numbers of a layer without places as shares −1…1 of the layer's largest; 0 where not finite."""
    vector = answer.maps.values[:, 0, 0]
    top = Limits.of(vector, answer.maps.signed).high or 1.0
    return [round(float(share), 4) for share in np.nan_to_num(vector[list(chosen)] / top, posinf=0, neginf=0)]


def _filters(filters: np.ndarray, chosen: Sequence[int], total: int) -> Drawn:
    kernels, height, width = filters.shape[1:]
    drawn = filters_mosaic(filters, columns(total, 1.0), order=chosen, gap=1)
    if kernels == 3:
        return drawn, width / height, "each filter to its own largest; middle gray is zero", ""
    caption = "red above zero, blue below; each to its own largest"
    return drawn, drawn.tile_width / drawn.tile_height, caption, filters_note(kernels)


def filters_note(kernels: int) -> str:
    """Return why kernels behind the first layer say little."""
    if kernels == 1:
        return "One kernel per channel: what is done to the map of one channel before it, not what that shows."
    shown = f"{kernels} kernels" if kernels <= 64 else f"The 64 largest of {kernels} kernels"
    return (
        f"{shown} a filter, one for each channel before it: they mix channels, not colours, "
        "so they say little by themselves. Maps shows what comes of them."
    )


def maps_caption(signed: bool, limits: Limits | None) -> str:
    """Return the meaning of the brightest colour; ``limits`` where all maps share a scale."""
    top = None if limits is None else three_digits(limits.high)
    if signed:
        largest = f"up to ±{top}, the layer's largest" if top else "each to its own largest"
        return f"red above zero, blue below; {largest}"
    return f"brightest: {top}, the layer's peak" if top else "brightest: each map's own peak"


def columns(count: int, tallness: float) -> int:
    """Return the fewest columns whose rows of tiles (height = ``tallness`` × width) fill at most half the width."""
    across = 1
    while ceil(count / across) * tallness / across > 0.5:
        across += 1
    return across


def tile_words(answer: ChannelsAnswer, channel: int) -> str:
    """Describe a channel's figures: ``"channel 22 · peak 4.30 · for tabby +0.147"``."""
    peak, contribution = float(answer.peaks[channel]), float(answer.contributions[channel])
    if peak == 0:
        return f"channel {channel} (no activation)"
    words = f"channel {channel} · {'peak ' if answer.maps.places else ''}{three_digits(peak)}"
    if not np.isnan(contribution):
        words += f" · for {answer.target} {three_digits(contribution, plus=True)}"
    effect = np.nan if answer.effects is None else float(answer.effects[channel])
    return words if np.isnan(effect) else f"{words} · without it {three_digits(effect, plus=True)}"


def strongest(answer: ChannelsAnswer, place: tuple[float, float], count: int = 4) -> list[int]:
    """Return the channels with the largest absolute activation at a place (row, column; each 0…1), largest first."""
    values = answer.maps.values
    if not answer.maps.places:
        return []
    height, width = values.shape[1:]
    row, column = min(int(place[0] * height), height - 1), min(int(place[1] * width), width - 1)
    here = np.nan_to_num(np.abs(values[:, row, column]))
    return [int(i) for i in np.argsort(-here, kind="stable")[:count] if here[i] > 0]
