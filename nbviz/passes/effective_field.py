"""Effective receptive field: the part of the picture whose pixels move a place of a layer.

What a place could see (:mod:`nbviz.passes.receptive_field`) is mostly larger than what moves it: the middle has
many ways to it, the rim few. Luo et al., Understanding the Effective Receptive Field in Deep Convolutional Neural
Networks, NeurIPS 2016.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from nbviz.arguments import channel_number
from nbviz.errors import NbvizError
from nbviz.model.boxes import Box
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.reach import backward, cut
from nbviz.passes.receptive_field import output_of
from nbviz.pictures.load import as_picture
from nbviz.pictures.picture import PictureLike
from nbviz.replica.guest import Pass

FAINT = 0.0455
"""Share of the greatest value under which Luo et al. count a pixel as outside: two standard deviations."""


@dataclass(frozen=True, eq=False)
class EffectiveField:
    """Gradient of one place of a layer in each pixel of a picture."""

    values: np.ndarray
    """(H, W) float32, of the network's input: absolute gradient, summed over colours, 1 in all; 0 where none is."""
    layer: str
    channel: int | None
    place: tuple[int, int] | None

    @property
    def reach(self) -> float:
        """Side in pixels of a square as large as all pixels above 4.55 % of the greatest."""
        most = float(self.values.max())
        return float(np.sqrt((self.values > FAINT * most).sum())) if most > 0 else 0.0

    def box(self, share: float = 0.95) -> Box:
        """Return (top, left, bottom, right): rows, and columns, that hold this share, cut off equally at both ends."""
        if not 0 < share <= 1:
            raise NbvizError(f"share= is above 0 and at most 1, not {share!r}.")
        (top, bottom), (left, right) = (_middle(self.values.sum(axis), share) for axis in (1, 0))
        return Box(top, left, bottom, right)


def effective_field(
    model: ModelLike, image: PictureLike, layer: str, channel: int | None = None, place: tuple[int, int] | None = None
) -> EffectiveField:
    """Return the effective receptive field of one place of a layer in one picture.

    model: an :class:`InstrumentedModel` or any ``nn.Module``; it is left untouched. image: a picture, or a
    preprocessed float tensor (1, C, H, W). channel: None starts the gradient at all channels alike, as the paper
    does. place: (row, column) among the layer's places; None is the middle. Where a ReLU is off, nothing comes
    through: a place that is silent in this picture has an empty field. NbvizError for a layer, a channel or a place
    that isn't there; Refused where no gradient leads from the layer to the picture.
    """
    model = InstrumentedModel.ensure(model)
    x = model.input(as_picture(image))
    known = model.trace(x).layers.get(layer) or model.layer(layer)
    if not known.channels:
        raise NbvizError(f"Layer '{layer}' has no output with channels: choose one below it.")
    channel = None if channel is None else channel_number(layer, channel, known.channels)
    rows, columns = known.places or (1, 1)
    at = (rows // 2, columns // 2) if place is None else place
    if not (0 <= at[0] < rows and 0 <= at[1] < columns):
        raise NbvizError(f"Layer '{layer}' has {rows} × {columns} places: there is no {at}.")

    def work(run: Pass) -> torch.Tensor:
        assert known.layout is not None
        inner = x.detach().requires_grad_()
        maps = known.layout.maps(output_of(run, inner, known))[0, :, at[0], at[1]]
        start = maps.sum() if channel is None else maps[channel]
        (gradient,) = backward(start, [inner])
        if gradient is None:
            raise cut(run.net, start, f"layer '{layer}'", "the picture")
        return gradient

    # absolute before the sum, for colours of opposite sign would cancel; double, for thousands of small values are
    # added
    field = model.guest.steady(work)[0].abs().sum(0).double()
    # an empty field stays empty instead of 0 / 0
    values = (field / field.sum().clamp(min=1e-300)).float().cpu().numpy()
    return EffectiveField(values, layer, channel, at if known.places else None)


def _middle(along: np.ndarray, share: float) -> tuple[int, int]:
    total = float(along.sum())
    if not total:
        return 0, len(along)
    left, right = np.cumsum(along) / total, np.cumsum(along[::-1]) / total
    cut = (1 - share) / 2 + 1e-7  # below what float32 holds nothing is cut off
    return int((left <= cut).sum()), len(along) - int((right <= cut).sum())
