"""Drift: a network over one data set beside the same network over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.feature_maps import channel_means
from nbviz.reviews.channels.activations import activations, layer_or_last
from nbviz.reviews.records.records import Records
from nbviz.reviews.statistics.intervals import holm

if TYPE_CHECKING:
    import pandas

CHUNK = 64
"""Channels that are tested at once."""
FIGURES = ("probability", "entropy", "brightness", "contrast")


@dataclass(frozen=True, eq=False)
class ChannelActivations:
    """Activations of a layer's channels on pictures of two data sets, (pictures, channels) each."""

    layer: str
    here: NDArray[np.floating]
    there: NDArray[np.floating]
    noun: str = "channel"


def against_table(here: Records, there: Records, channels: ChannelActivations | None = None) -> pandas.DataFrame:
    """Compare reviews of one network over two data sets: one row per figure, with here, there, and a two-sided p.

    Accuracy by Fisher's exact test; confidence, brightness, contrast and channels by Mann–Whitney's. ``effect`` is the
    difference of shares, else the rank-biserial correlation, −1…1 (0: the same distribution); ``corrected`` is p by
    Holm over all rows: where both data sets are alike any is below .05 in 5 of 100 tables at most.

    channels: activations of a layer to pictures of both; None for the inputs of a linear head, which are recorded.
    ``attrs["layer"]``: the layer, "" without channels; ``attrs["pictures"]``: how many of each data set they are over.
    """
    import pandas
    from scipy.stats import fisher_exact

    rows: list[tuple[str, float, float, float, float]] = []
    if here.labelled and there.labelled:
        counts = [[int(r.right.sum()), int((~r.right).sum())] for r in (here, there)]
        one_share, other_share = float(here.right.mean()), float(there.right.mean())
        p = float(fisher_exact(counts).pvalue)
        rows.append(("accuracy", one_share, other_share, other_share - one_share, p))
    names, one, other = list(FIGURES), *(np.stack([r.column(name) for name in FIGURES], 1) for r in (here, there))
    rows += _tested(names, one, other)
    layer, counted = "", (0, 0)
    if channels is None and here.plan.features and there.plan.features:
        channels = ChannelActivations(
            f"input of {here.plan.head}", here.column("features"), there.column("features"), "feature"
        )
    if channels is not None:
        layer, counted = channels.layer, (len(channels.here), len(channels.there))
        names = [f"{channels.noun} {number}" for number in range(channels.here.shape[1])]
        rows += _tested(names, channels.here, channels.there)
    table = pandas.DataFrame(rows, columns=["measure", "here", "there", "effect", "p"])
    table["corrected"] = holm(table["p"].to_numpy(float))
    table.attrs.update(layer=layer, pictures=counted)
    return table


def _tested(
    names: Sequence[str], one: NDArray[np.floating], other: NDArray[np.floating]
) -> list[tuple[str, float, float, float, float]]:
    """Return (name, here, there, effect, p) per column of (pictures, columns)."""
    from scipy.stats import mannwhitneyu

    rows: list[tuple[str, float, float, float, float]] = []
    for first in range(0, len(names), CHUNK):
        part = slice(first, first + CHUNK)
        a, b = one[:, part], other[:, part]
        test = mannwhitneyu(a, b, axis=0)
        # beside p: of thousands of pictures the smallest difference is significant
        effect = 1 - 2 * test.statistic / (len(one) * len(other))
        # a channel that is the same for every picture differs in nothing
        p = np.where(np.isnan(test.pvalue), 1.0, test.pvalue)
        rows += [
            (name, *map(float, figures))  # type: ignore[misc]
            for name, *figures in zip(names[part], a.mean(0), b.mean(0), effect, p, strict=True)
        ]
    return rows


def channel_activations(
    model: InstrumentedModel,
    layer: str | None,
    here: tuple[Records, NDArray[np.int64]],
    there: tuple[Records, NDArray[np.int64]],
) -> ChannelActivations:
    """Return the mean over places of each channel of a layer, for rows of two reviews.

    layer: None for the last one with places that the answer depends on. Raises NbvizError for a layer that isn't there
    or has no channels, and for a review without its data set.
    """
    layer = layer_or_last(model, here[0], layer)
    one, other = (
        np.concatenate([means for _, means in activations(model, records, rows, layer, channel_means)])
        for records, rows in (here, there)
    )
    return ChannelActivations(layer, one, other)
