"""Infidelity: how well a map predicts what a random disturbance does to the score.

Yeh et al. 2019 (arXiv:1901.09392): E[(I·Φ − (F(x) − F(x − I)))²] over disturbances I.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from nbviz.errors import NbvizError
from nbviz.evaluation.base import BATCH, Map, Steps, all_scores
from nbviz.evaluation.registry import Case, measure
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.precision import at_least_single
from nbviz.pictures.picture import PictureLike


@dataclass(frozen=True)
class Infidelity:
    """Infidelity of one map, as it is and at its best scale."""

    value: float
    """As defined, in squared units of the score; 0 is perfect."""
    scaled: float
    """After the best single factor on the map, over the mean square change of the score: 0 is perfect, 1 is what
    a map of zeros reaches."""


def infidelity(
    model: InstrumentedModel,
    picture: PictureLike,
    target: Target,
    judged: Map,
    noise: float = 0.2,
    samples: int = 64,
    seed: int = 0,
) -> Steps[Infidelity]:
    """Compute infidelity to normal noise I of σ = noise·(max x − min x); the map must have one value per pixel.

    Raises :class:`NbvizError` for maps at a layer's resolution, which share nothing out among pixels.
    """
    x = model.input(picture)
    values = at_least_single(judged.values).to(x.device)
    if values.shape != x.shape:
        shape = tuple(values.shape)
        raise NbvizError(f"Infidelity needs one value per pixel and channel, {tuple(x.shape)}; this map has {shape}.")
    sigma = noise * float(x.max() - x.min())
    predicted: list[torch.Tensor] = []

    def batches() -> Iterator[torch.Tensor]:
        # a second attempt draws the same noise again
        predicted.clear()
        generator = torch.Generator().manual_seed(seed)
        yield x
        for begin in range(0, samples, BATCH):
            shape = (min(BATCH, samples - begin), *x.shape[1:])
            drawn = torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")
            moved = sigma * drawn.to(x)
            predicted.append((at_least_single(moved) * values).flatten(1).double().sum(1).cpu())
            yield x - moved

    scores = yield from all_scores(model, target, batches)
    change, prediction = scores[0] - scores[1:], torch.cat(predicted)
    # least squares: a map's unit is a convention of its method, and must not decide how it fares
    best = float(prediction @ change / (prediction @ prediction)) if bool(prediction.any()) else 0.0
    spread = float(change.square().mean())
    scaled = float((best * prediction - change).square().mean()) / spread if spread else 0.0
    return Infidelity(float((prediction - change).square().mean()), scaled)


@measure("infidelity", cost=64, default=False)
def _measure(case: Case) -> Steps[dict[str, float]]:
    """How well the map predicts what noise does to the score; 0 is perfect. Maps of pixels only."""
    if case.map.values.shape != case.model.input(case.picture).shape:
        return {"infidelity": math.nan, "infidelity, scaled": math.nan}
    result = yield from infidelity(case.model, case.picture, case.target, case.map)
    return {"infidelity": result.value, "infidelity, scaled": result.scaled}
