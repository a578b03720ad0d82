"""Parts of a page of channels: their filters, their notes, the Python that makes what is on show."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nbviz.dataset import Index
from nbviz.panels.scenes.channel_page import ChannelsPage
from nbviz.session.code import Script
from nbviz.session.requests.base import ChannelsAnswer, Context, FiltersRequest


def filters_of(context: Context, answer: ChannelsAnswer) -> np.ndarray | None:
    """Return a layer's filters (C, in, kh, kw); None where it has none that belong to its channels."""
    weights: np.ndarray | None = context.answer(FiltersRequest(answer.layer)).weights
    # a transposed convolution counts its filters along another axis
    return weights if weights is not None and len(weights) == len(answer.peaks) else None


def tile_notes(page: ChannelsPage, *notes: Mapping[int, str]) -> list[str]:
    """Return the words of each tile of a page; notes: channel → a further part of them."""
    rows = zip(page.channels, page.words, strict=True)
    return [" · ".join(filter(None, (words, *(one.get(channel) for one in notes)))) for channel, words in rows]


def tiles_code(script: Script, mode: str, layer: str, channels: list[int], recipe: str, index: Index | None) -> str:
    """Return the Python expression of a page of filters, made or found pictures; empty where it shows none."""
    if mode == "filters":
        return f"model.filters({layer!r})[{channels}]"
    if mode == "made":
        return f"nbviz.visualize(model, {layer!r}, {channels}, preset={recipe!r})"
    return "" if index is None else f"[{script.value(index)}.top({layer!r}, n, 1) for n in {channels}]"
