"""Drift: a network over one data set beside the same network over another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
FIGURES = ("probability", "entropy", "brightness", "contrast")
"""Columns of records that are compared."""


@dataclass(frozen=True, eq=False)
class ChannelActivations:
    """Activations of a layer's channels on pictures of two data sets, (pictures, channels) each."""

    layer: str
    here: NDArray[np.floating]
    there: NDArray[np.floating]
    noun: str = "channel"


def against_table(here: Records, there: Records, channels: ChannelActivations | None = None) -> pandas.DataFrame:
    """Compare reviews of one network over two data sets: one row per figure, with here, there, and a two-sided p.

    Accuracy by Fisher's exact test; overconfidence, the mean of the answer's probability less its being right, by
    Welch's t; confidence, brightness, contrast and channels by Mann–Whitney's. ``effect`` is the
    difference of these two, else the rank-biserial correlation, −1…1 (0: the same distribution); ``corrected`` is p by
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
        rows.append(_overconfidence(here, there))
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


def _overconfidence(here: Records, there: Records) -> tuple[str, float, float, float, float]:
    from scipy.stats import ttest_ind

    # signed, and not the calibration error: that grows as pictures are fewer, however well they are calibrated
    one, other = (records.confidence - records.right for records in (here, there))
    difference, spread = float(other.mean() - one.mean()), float(one.std() + other.std())
    p = float(ttest_ind(one, other, equal_var=False).pvalue) if spread and min(len(one), len(other)) > 1 else np.nan
    return "overconfidence", float(one.mean()), float(other.mean()), difference, p


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


def drift(
    here: Records, there: Records, model: InstrumentedModel, layer: str | None, rows: Rows
) -> Iterator[int | pandas.DataFrame]:
    """Compare two reviews as :func:`against_table` does, with a layer's channels: yield the pictures so far, last all.

    layer: None for the last one with places that the answer depends on. rows: of both reviews, ascending, over which
    channels are compared, each by its mean over places. Raises NbvizError for a layer that isn't there or has no
    channels, and for a review without its data set.
    """
    name, count = layer_or_last(model, here, layer), 0
    means: list[list[NDArray[np.float32]]] = [[], []]
    for part, records, some in zip(means, (here, there), rows, strict=True):
        for _, figures in activations(model, records, some, name, channel_means):
            part.append(figures)
            count += len(figures)
            yield count
    one, other = (np.concatenate(part) for part in means)
    yield against_table(here, there, ChannelActivations(name, one, other))
