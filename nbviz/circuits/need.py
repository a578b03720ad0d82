"""Channels that a class needs: its score as they go, most needed first, and as only they stay.

The order is that of the effects measured one by one, so it is no search: of channels that stand in for one another none
has a large effect. Whether it is better than chance is seen beside random orders of the same channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nbviz.arguments import at_least
from nbviz.circuits.effects import class_of, measuring, resumed_scores
from nbviz.circuits.switches import BATCH, off_each
from nbviz.edits.channels import Fill, fill_of
from nbviz.model.batches import passes_alone
from nbviz.model.brief import ModelLike
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import TargetLike
from nbviz.passes.feature_maps import channel_layer
from nbviz.pictures.picture import PictureLike
from nbviz.replica.guest import Pass

ORDERS = 20
"""Random orders beside the measured one."""


@dataclass(frozen=True, eq=False)
class Need:
    """A class's score as channels of a layer go, and as only they stay. K counts of channels are tried."""

    layer: str
    index: int
    """The class."""
    score: float
    """With all channels on."""
    order: np.ndarray
    """(C,): channels, the one without which the class loses most first; equal ones by number."""
    counts: np.ndarray
    """(K,): 0 … C."""
    without: np.ndarray
    """(K,): the score when the first so many of the order are off; NaN where it is not known yet."""
    alone: np.ndarray
    """(K,): the score when only the first so many stay."""
    random_without: np.ndarray
    """(R, K): the same for random orders, as many as are known yet."""
    random_alone: np.ndarray
    """(R, K)."""
    exact: bool
    """True if forwards could be resumed at the layer; else every one was a whole one, with the same result."""
    done: float
    """0…1."""

    @property
    def base(self) -> float:
        """Score with all channels off: what other ways and biases give."""
        return float(self.without[-1])

    def half_gone(self, scores: np.ndarray) -> int | None:
        """Return the fewest of the counts at which half of what the layer gives is gone; None where it gives none.

        scores: (K,), ``without`` or a row of ``random_without``.
        """
        return self._first(scores <= (self.score + self.base) / 2)

    def half_there(self, scores: np.ndarray) -> int | None:
        """Return the fewest of the counts that give half of what the layer gives; None where it gives none.

        scores: (K,), ``alone`` or a row of ``random_alone``.
        """
        return self._first(scores >= (self.score + self.base) / 2)

    def _first(self, reached: np.ndarray) -> int | None:
        return int(self.counts[int(reached.argmax())]) if self.score > self.base and reached.any() else None


def class_need(
    model: ModelLike,
    image: PictureLike,
    layer: str,
    target: TargetLike = "predicted",
    *,
    fill: Fill = "zero",
    orders: int = ORDERS,
) -> Need:
    """Measure which channels of a layer a class needs on one picture.

    model: any ``nn.Module`` or an :class:`InstrumentedModel`. image: a picture, or a preprocessed float tensor. layer:
    a name of ``model.layers()``. target: a class, by index or name. fill: what a channel that is off puts out, as in
    ``nbviz.edits.Channels``. orders: random orders beside it, from a generator of their own: the same call gives the
    same figures. Raises NbvizError for a layer without channels, Refused for a target that is no class.
    """
    model = InstrumentedModel.ensure(model)
    need: Need | None = None
    orders = at_least("orders", orders, 1)
    for need in needing(model, image, layer, class_of(model, target, image), fill=fill, orders=orders):
        pass
    assert need is not None
    return need


def needing(
    model: InstrumentedModel, image: PictureLike, layer: str, index: int, *, fill: Fill = "zero", orders: int = ORDERS
) -> Iterator[Need]:
    """Yield the need of a class as it becomes known: the measured order's curves first, then random ones."""
    x = model.input(image)
    model.trace(x)
    fill = fill_of(model, layer, fill)
    effects = None
    for effects in measuring(model, image, layer, (index,), fill=fill):
        pass
    assert effects is not None
    order = effects.order(index)
    counts = counts_of(len(order))
    unknown = np.full(len(counts), np.nan)
    none = np.zeros((0, len(counts)))
    score = float(effects.scores[index])
    start = Need(layer, index, score, order, counts, unknown, unknown, none, none, effects.exact, 0.0)
    yield from model.guest.steadily(lambda run: _curves(model, run, x, start, fill, orders))


def _curves(model: InstrumentedModel, run: Pass, x: Tensor, need: Need, fill: Fill, orders: int) -> Iterator[Need]:
    known = channel_layer(model, need.layer)
    layout = known.layout
    assert layout is not None
    resumed = resumed_scores(model, run, x, need.layer)
    batch = 1 if passes_alone(model, run, x) else BATCH

    def scores(masks: np.ndarray) -> np.ndarray:
        """(n, C) channels that are off → (n,) scores."""
        with torch.no_grad():
            parts = [masks[first : first + batch] for first in range(0, len(masks), batch)]
            found = [resumed(len(p), off_each(layout, p, fill))[:, need.index].numpy() for p in parts]
            return np.concatenate([np.zeros(0), *found])

    # every order begins and ends with these two; the first batch is run whole as well, so it had better be small
    whole, base = scores(np.array([[False], [True]]).repeat(len(need.order), 1))

    def both(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # without the two ends, which are known: they are the same for every order
        off = prefixes(order, need.counts[1:-1])
        # both curves in one sweep: batches are full, and a mask costs the same whatever it hides
        gone, kept = np.split(scores(np.concatenate([off, ~off])), 2)
        return np.array([whole, *gone, base]), np.array([base, *kept, whole])

    without, alone = both(need.order)
    need = replace(need, without=without, alone=alone, exact=need.exact and resumed.exact, done=1 / (orders + 1))
    yield need
    draw = np.random.default_rng(0)  # a stream of its own, and always the same orders
    for count in range(1, orders + 1):
        gone, kept = both(draw.permutation(len(need.order)))
        need = replace(
            need,
            random_without=np.vstack([need.random_without, gone]),
            random_alone=np.vstack([need.random_alone, kept]),
            done=(count + 1) / (orders + 1),
        )
        yield need


def counts_of(channels: int) -> np.ndarray:
    """Return the counts that are tried of so many channels: each at first, then about √2 apart, and all."""
    # the curve is steep at first and flat later: C counts would be C forwards for what 2 log₂ C show
    steps = {0, channels, *(round(2 ** (power / 2)) for power in range(2 * channels.bit_length()))}
    return np.array(sorted(count for count in steps if count <= channels))


def prefixes(order: np.ndarray, counts: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return masks (K, C) of the first so many channels of an order."""
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    return rank[None, :] < np.asarray(counts)[:, None]
