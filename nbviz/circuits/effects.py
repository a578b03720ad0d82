"""Effects of a layer's channels on every class: measured, by switching each off, beside the first order.

Measured costs one forward per channel, resumed at the layer. The first order, gradient × activation, costs one backward
per class; how well it foretells the measured effect is a figure of its own, for near the input it does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nbviz.arguments import channel_number, listed
from nbviz.circuits.switches import sweep
from nbviz.edits.channels import Fill, fill_of, filling
from nbviz.errors import NbvizError, Refused
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.model.target import Target, TargetLike
from nbviz.passes.feature_maps import channel_layer
from nbviz.passes.resume import Resumed
from nbviz.passes.shared_forwards import Shared
from nbviz.passes.subject import Subject, record
from nbviz.pictures.picture import PictureLike
from nbviz.replica.guest import Pass

if TYPE_CHECKING:
    import pandas

FORETOLD = 5
"""Classes whose first order is computed where none is asked for: the likeliest."""


@dataclass(frozen=True, eq=False)
class Effects:
    """Changes of the scores of one picture as each channel of a layer is switched off."""

    layer: str
    scores: np.ndarray
    """float64 (classes,): with all channels on."""
    measured: np.ndarray
    """float64 (C, classes): score without the channel − score with it; NaN where it is not measured yet."""
    foretold: dict[int, np.ndarray]
    """Class → float64 (C,): the same to first order, −Σ gradient × (activation − what replaces it)."""
    exact: bool
    """True if forwards could be resumed at the layer; else every one was a whole one, with the same result."""
    done: float
    """0…1."""

    def agreement(self, index: int) -> float | None:
        """Spearman's rank correlation of foretold and measured effects; None where one is flat or unknown."""
        from scipy.stats import spearmanr

        if index not in self.foretold:
            return None
        measured = self.measured[:, index]
        known = np.isfinite(measured)
        pair = measured[known], self.foretold[index][known]
        if min(len(np.unique(values)) for values in pair) < 2:
            return None
        return float(spearmanr(*pair).statistic)

    def order(self, index: int) -> np.ndarray:
        """Channels by what the class loses without them, most first; those not measured yet come last."""
        return np.argsort(np.nan_to_num(self.measured[:, index], nan=np.inf), kind="stable")


def channel_effects(
    model: ModelLike,
    image: PictureLike,
    layer: str,
    target: TargetLike | None = None,
    *,
    fill: Fill = "zero",
    channels: Sequence[int] | None = None,
) -> pandas.DataFrame:
    """Measure what every channel of a layer does to the scores of one picture, by switching each off.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`. image: a picture, or a preprocessed float tensor. layer:
    a name of ``model.layers()``. target: a class, by index or name; None for all classes. fill: what a channel that is
    off puts out, as in ``nbviz.edits.Channels``. channels: which ones; None for all.

    Returns a table, one row per channel and class: ``channel``, ``class`` (name), ``index``, ``foretold`` and
    ``measured`` (score without − with, in units of the score), the largest change first. ``foretold`` is to first
    order; it is NaN for classes beyond the five likeliest unless one is asked for. Raises NbvizError for a layer
    without channels.
    """
    import pandas

    model = InstrumentedModel.ensure(model)
    index = None if target is None else class_of(model, target, image)
    effects: Effects | None = None
    for effects in measuring(model, image, layer, () if index is None else (index,), fill=fill, channels=channels):
        pass
    assert effects is not None
    known = np.flatnonzero(np.isfinite(effects.measured[:, 0]))  # where channels= names some, the others are NaN
    classes = range(effects.measured.shape[1]) if index is None else [index]
    rows = [
        (channel, model.class_name(c), c, effects.foretold[c][channel] if c in effects.foretold else np.nan, measured)
        for channel in known.tolist()
        for c in classes
        for measured in [effects.measured[channel, c]]
    ]
    table = pandas.DataFrame(rows, columns=["channel", "class", "index", "foretold", "measured"])
    return table.sort_values("measured", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def measuring(
    model: InstrumentedModel,
    image: PictureLike,
    layer: str,
    classes: Sequence[int] = (),
    *,
    fill: Fill = "zero",
    channels: Sequence[int] | None = None,
) -> Iterator[Effects]:
    """Yield effects as they are measured, the last of them complete.

    classes: those whose first order is wanted, by index; none for the likeliest. Else as :func:`channel_effects`.
    """
    x = model.input(image)
    model.trace(x)
    known, fill = channel_layer(model, layer), fill_of(model, layer, fill)
    assert known.layout is not None and known.channels is not None
    wanted = (
        list(range(known.channels))
        if channels is None
        else sorted({channel_number(layer, channel, known.channels) for channel in listed("channels", channels)})
    )
    if not wanted:
        raise NbvizError("channels= names no channel: leave it out for all of the layer.")
    yield from model.guest.steadily(lambda run: _measured(model, run, x, known, wanted, classes, fill))


def _measured(
    model: InstrumentedModel,
    run: Pass,
    x: Tensor,
    layer: Layer,
    channels: list[int],
    classes: Sequence[int],
    fill: Fill,
) -> Iterator[Effects]:
    assert layer.layout is not None and layer.channels is not None
    resumed = resumed_scores(model, run, x, layer.name)
    scores = resumed.output[0].numpy()
    # the likeliest five, not all: each class costs a backward, and nobody reads a thousand first orders
    chosen = list(classes) or np.argsort(-scores, kind="stable")[:FORETOLD].tolist()
    foretold = first_order(model, run, x, layer, chosen, fill)
    measured, count = np.full((layer.channels, len(scores)), np.nan), 0
    with torch.no_grad():
        for batch, off in sweep(resumed, layer.layout, channels, fill):
            measured[batch], count = off.numpy() - scores, count + len(batch)
            done = count / len(channels)
            yield Effects(layer.name, scores, measured.copy(), foretold, resumed.exact, done)


def resumed_scores(model: InstrumentedModel, run: Pass, x: Tensor, layer: str) -> Resumed:
    """Return the network resumed at a layer, read as float64 scores (N, classes)."""
    # the scores that every pass reads: of a network that ends in a softmax those before it, as bars and maps have them
    # float64: an effect is a small difference of two large scores
    return Resumed(model, run, x, layer, lambda run, batch: model.evaluate(run, batch).logits.detach().double().cpu())


def first_order(
    model: InstrumentedModel, run: Pass, x: Tensor, layer: Layer, classes: Sequence[int], fill: Fill
) -> dict[int, np.ndarray]:
    """Return class → (C,): −Σ gradient × (activation − fill), the effect of switching off to first order."""
    assert layer.layout is not None
    shared, effects = Shared(), {}
    for index in classes:
        # one retained graph for all classes: a forward and n backwards are .6 of n passes
        subject = Subject(model, run, x, Target(index=index), shared=shared)
        scores, activations = record(subject, subject.leaf(x), layer.name)
        here = activations[layer.name]
        change = filling(here.activation, layer.layout, fill) - here.activation
        product = here.slope(scores).double() * change.double()
        effects[index] = layer.layout.by_channel(product)[0].sum(1).cpu().numpy()
    return effects


def class_of(model: InstrumentedModel, target: TargetLike, image: PictureLike) -> int:
    """Return the class that is measured, by index. Raises Refused for a target that is not one class."""
    resolved = Target.ensure(target, model)
    if resolved.predicted:
        return model.predict(image, top=1)[0][1]
    if resolved.index is None or resolved.other is not None:
        raise Refused("Channels are switched off for the score of a class: target= is one, by index or name.")
    return resolved.index
