"""Study of a layer's channels over a data set, and its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nbviz.arguments import at_least, seed_number
from nbviz.edits.channels import Fill, fill_of
from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.feature_maps import channel_peaks
from nbviz.reviews.channels.activations import activations, layer_or_last
from nbviz.reviews.channels.changes import ClassChanges, balanced, first_classes, measure, memberships
from nbviz.reviews.channels.concepts import MOST, Concepts, chance, concepts
from nbviz.reviews.records.records import Records

if TYPE_CHECKING:
    import pandas

FEWEST = 3
"""Pictures of a channel at least: two can't be split into groups."""
NO_FEATURES = (
    "Clarity, polysemanticity and redundancy are of the features that a linear last layer is given, and this network "
    "has none."
)


@dataclass(frozen=True)
class Sampling:
    """Pictures that a study looks at."""

    sample: int = 200
    """On which channels are switched off, as many of each class as there can be."""
    among: int = 1000
    """Among which those are looked for that drive a channel most."""
    top: int = 9
    """Pictures that drive a channel most, 3 … 12."""
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("sample", self.sample, 1)
        if not FEWEST <= self.top <= MOST:
            raise NbvizError(f"top= is {FEWEST} to {MOST} pictures per channel, not {self.top}.")
        at_least("among", self.among, self.top + 1)
        seed_number(self.seed)


@dataclass(frozen=True, eq=False)
class ChannelStudy:
    """Effects, class profiles and most driving pictures of a layer's C channels."""

    layer: str
    names: tuple[str, ...]
    """Of the classes."""
    labelled: bool
    """False where a picture's class is its answer."""
    changes: ClassChanges
    """Of all pictures that were drawn; of a study that goes on, of the first ones."""
    profiles: NDArray[np.float64]
    """(C, classes): mean activation, at the strongest place, on pictures of each class; NaN without any."""
    top: NDArray[np.int64]
    """(C, top): items that drive each channel most, the strongest first; −1 for a channel that is the same for all."""
    concepts: Concepts | None
    """None for a network without features."""
    chance: dict[str, tuple[float, float]]
    """Measure of :class:`Concepts` → the range of 90 of 100 sets of pictures drawn at random."""

    def table(self) -> pandas.DataFrame:
        """Return one row per channel, see :meth:`nbviz.Review.channels`."""
        import pandas

        effects, corrected = self.changes.effects()
        classes = np.where(np.isnan(effects), -1.0, np.abs(effects)).argmax(1)  # a class without pictures has none
        prefers = np.where(np.isfinite(self.profiles), self.profiles, -np.inf).argmax(1)
        rows = [
            {
                "channel": channel, "class": self.names[index], "index": index, **self.changes.row(channel, index),
                "corrected": corrected[channel, index],
                "prefers": None if self.top[channel, 0] < 0 else self.names[prefers[channel]],
            }
            for channel, index in enumerate(classes.tolist())
        ]  # fmt: skip
        table = pandas.DataFrame(rows)
        for name in ("clarity", "polysemanticity", "redundancy", "nearest"):
            table[name] = np.nan if self.concepts is None else getattr(self.concepts, name)
        table = table.sort_values("effect", key=np.abs, ascending=False, kind="stable", ignore_index=True)
        table.attrs.update(layer=self.layer, pictures=self.changes.pictures, chance=self.chance, study=self)
        table.attrs["labelled"] = self.labelled
        table.attrs["absent"] = "" if self.concepts is not None else NO_FEATURES
        return table


def studying(
    model: InstrumentedModel, records: Records, layer: str | None, sampling: Sampling, fill: Fill = "zero"
) -> Iterator[tuple[bool, int, int] | ChannelStudy]:
    """Study a layer's channels step by step: yield (are channels off, pictures, of how many), and studies.

    The last study is the whole; those before it have the changes so far, see
    :func:`nbviz.reviews.channels.changes.measure`.
    """
    if not isinstance(sampling, Sampling):
        raise NbvizError(f"sampling= is a nbviz.reviews.Sampling, such as Sampling(sample=200), not {sampling!r:.80}.")
    name = layer_or_last(model, records, layer)
    fill = fill_of(model, name, fill)
    rows = balanced(first_classes(records), sampling.sample, sampling.seed)
    if not len(rows):
        raise NbvizError("No picture of this review has a class, so no channel can matter for one.")
    draw = np.random.default_rng(sampling.seed).permutation(len(records))
    # ascending: data sets read fastest in order
    looked = np.sort(draw[: sampling.among])
    parts = list[tuple[NDArray[np.int64], NDArray[np.float32]]]()
    for part in activations(model, records, looked, name, channel_peaks):
        parts.append(part)
        yield False, sum(len(numbers) for numbers, _ in parts), len(looked)
    numbers, peaks = (np.concatenate(part) for part in zip(*parts, strict=True))
    driven = _driven(records, name, (numbers, peaks), sampling)
    for step in measure(model, records, rows, name, fill):
        yield (True, step, len(rows)) if isinstance(step, int) else driven(step)


def _driven(
    records: Records, layer: str, looked: tuple[NDArray[np.int64], NDArray[np.float32]], sampling: Sampling
) -> Callable[[ClassChanges], ChannelStudy]:
    """Return the study that has other changes, and of the pictures that drive channels what does not depend on them.

    looked: items, (N,), and their activations, (N, C).
    """
    numbers, peaks = looked
    rows, sets = np.searchsorted(records.column("items"), numbers), top_rows(peaks, sampling.top)
    figures, levels = None, dict[str, tuple[float, float]]()
    # of no more pictures than a set has, every random set would be the same
    if records.plan.features and len(rows) > sampling.top:
        features, live = records.column("features")[rows], int((sets[:, -1] >= 0).sum())
        figures = concepts(features, sets)
        # as many random sets as there are live channels: the more there are, the nearer the nearest is by chance
        levels = chance(features, max(1, live), sampling.top, sampling.seed)
    items = np.where(sets < 0, -1, numbers[sets])
    means = profiles(peaks, memberships(records, rows))
    about = layer, records.names, records.labelled
    return lambda changes: ChannelStudy(*about, changes, means, items, figures, levels)


def top_rows(peaks: NDArray[np.floating], count: int) -> NDArray[np.int64]:
    """Return the rows that drive each channel most, (C, count), of activations (N, C); −1 for one that is constant."""
    # stable: of equal ones the first of the data set, on every machine
    order = np.argsort(-peaks, axis=0, kind="stable")[:count].T
    whole = np.full((peaks.shape[1], count), -1)
    whole[:, : order.shape[1]] = order
    whole[peaks.max(0) == peaks.min(0)] = -1
    return whole


def profiles(peaks: NDArray[np.floating], members: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean activation of each channel on the pictures of each class, (C, classes); NaN without any."""
    counts = members.sum(0)
    sums = peaks.T.astype(float) @ members
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
