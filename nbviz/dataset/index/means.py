"""Means of a layer's channels over an index's data set: what a channel that is off may put out instead of nothing.

An index does not keep them: most are never asked for, and they would cost its pass a reduction per layer. One layer's
are a forward per batch that ends at the layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from nbviz.dataset.index.plan import Plan
from nbviz.dataset.index.ranking_pass import inputs_of
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.feature_maps import channel_layer, channel_means
from nbviz.pictures.samples import Items, PassProgress
from nbviz.replica.guest import Pass


@dataclass(frozen=True)
class ChannelMeans(PassProgress):
    """Means of a layer's channels over the pictures so far, those left out aside."""

    layer: str
    values: tuple[float, ...] | None = None
    """Per channel: the mean over the pictures of the mean over their places; None until the end."""

    @property
    def complete(self) -> bool:
        return self.values is not None


def averaging(model: InstrumentedModel, items: Items, plan: Plan, layer: str) -> Iterator[ChannelMeans]:
    """Yield means of a layer over a data set, the last with its values; plan: of an index of the data set.

    Pictures that can't be read, and those for which the layer puts out NaN or infinity, are left out. Raises
    NbvizError for a layer without channels, and where no picture is left.
    """
    known = channel_layer(model, layer)
    channels, total = known.channels, len(items)
    assert channels is not None

    def work(run: Pass) -> Iterator[ChannelMeans]:
        sums, seen = torch.zeros(channels, dtype=torch.float64, device="cpu"), 0
        yield ChannelMeans(0, total, layer)
        for batch in items.batches(range(total), plan.batch, model.transform, plan.shape, lambda *_: None):
            means = channel_means(model, run, inputs_of(run, batch), known)
            means = means[means.isfinite().all(1)]
            sums, seen = sums + means.sum(0), seen + len(means)
            yield ChannelMeans(seen, total, layer)
        if not seen:
            raise NbvizError(f"None of the {total} pictures could be read.")
        yield ChannelMeans(seen, total, layer, tuple((sums / seen).tolist()))

    yield from model.guest.steadily(work)
