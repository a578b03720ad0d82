"""Activations of a layer's channels on the pictures of a review."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.layers import Layer
from nbviz.model.target import Target
from nbviz.passes.default_layer import default_layer
from nbviz.passes.feature_maps import channel_layer
from nbviz.pictures.samples import Items
from nbviz.replica.guest import Pass
from nbviz.reviews.records.records import Records

Figure = Callable[[InstrumentedModel, Pass, torch.Tensor, Layer], torch.Tensor]
"""One figure per picture and channel, (N, channels): ``channel_means`` or ``channel_peaks``."""


def layer_or_last(model: InstrumentedModel, records: Records, layer: str | None) -> str:
    """Return a layer's name: for None the last one with places that the answer depends on."""
    if layer is not None:
        return layer
    # the first that was reviewed, not the first of the data set, which may be one that can't be read
    x = model.input(items_of(records).read(int(records.column("items")[0])))
    return default_layer(model, x, Target()).name


def items_of(records: Records) -> Items:
    """Return the data set of a review. Raises NbvizError for one that was loaded without."""
    if records.items is None:
        raise NbvizError(
            "Channels are asked of the pictures, and a review was loaded without its data set: "
            "nbviz.reviews.load(path, model, dataset)."
        )
    return records.items


def activations(
    model: InstrumentedModel, records: Records, rows: NDArray[np.int64], name: str, figure: Figure
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Yield, batch by batch, the numbers of items and a figure of each of their channels, (N, channels).

    rows: of the review, ascending. Raises NbvizError for a layer that isn't there or has no channels, and where none of
    the pictures can be read.
    """
    numbers, plan = records.column("items")[rows].tolist(), records.plan
    for batch in items_of(records).readable(numbers, plan.batch, model.transform, plan.shape):
        yield batch.numbers.numpy(), _batch_figures(model, batch.inputs, name, figure)


def _batch_figures(model: InstrumentedModel, inputs: torch.Tensor, name: str, figure: Figure) -> NDArray[np.float32]:
    # where a layer has its channels is read from a trace of this shape; another pass may have had another
    model.trace(inputs[:1])
    layer = channel_layer(model, name)

    def work(run: Pass) -> torch.Tensor:
        return figure(model, run, inputs.to(run.device, model.guest.dtype), layer)

    return model.guest.steady(work).float().numpy()
