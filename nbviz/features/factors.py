"""Factors of a layer's activation of one picture: a few parts, each a direction among the channels and its map.

Non-negative matrix factorisation of the layer's activation, places × channels ≈ maps × directions (Lee and Seung
1999; of a layer: Olah et al., The Building Blocks of Interpretability, Distill 2018). Parts only add up, so each can
be looked at by itself. Where a layer is negative as well, what is above and what is below zero count as channels of
their own; the directions are then put together again, and only maps are non-negative.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from nbviz.errors import NbvizError, Refused
from nbviz.passes.feature_maps import FeatureMaps
from nbviz.replica.scikit_import import scikit

FEWEST, MOST = 2, 12
ROUNDS, TOLERANCE = 400, 1e-4


class Nothing(NbvizError):
    """Error of an activation that is zero everywhere: there is nothing to factorise."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Activation of a layer for one picture as a sum of parts, the one with the largest share first."""

    layer: str
    maps: np.ndarray
    """float32 (k, h, w), 0 or above: how far the layer goes along each part's direction at each place."""
    directions: np.ndarray
    """float32 (k, C), each of length 1; below zero only where the layer is."""
    shares: np.ndarray
    """(k,) of all that the parts say, Σ of each part's absolute values; together 1."""
    explained: float
    """1 − Σ (activation − parts)² / Σ activation²."""
    signed: bool
    """True where the layer has values below zero."""
    asked: int

    @property
    def nbytes(self) -> int:
        """Memory it takes."""
        return self.maps.nbytes + self.directions.nbytes

    @property
    def strongest(self) -> np.ndarray:
        """Number of the largest part at each place, (h, w)."""
        return self.maps.argmax(0)

    def channels(self, part: int, count: int = 4) -> list[int]:
        """Return the channels that weigh most in a part, largest first; none that don't take part."""
        weights = np.abs(self.directions[part])
        order = np.argsort(-weights, kind="stable")[:count]
        return [int(channel) for channel in order if weights[channel] > 0.05 * weights[order[0]]]

    def contributions(self, gradient: np.ndarray) -> np.ndarray:
        """Return each part's contribution to a score, to first order: (k,), Σ gradient (C, h, w) × part."""
        slopes = np.einsum("kc,chw->khw", self.directions, gradient)
        return (slopes * self.maps).sum((1, 2))


def factorised(activation: FeatureMaps, count: int = 6) -> Factors:
    """Factorise a layer's output.

    count: how many parts, 2 to 12; fewer come where the layer has fewer channels or places, or is made of fewer. The
    same activation gives the same parts. :class:`Refused` for a layer without places, :class:`Nothing` for one that is
    zero everywhere, NbvizError where values are not finite.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not FEWEST <= count <= MOST:
        raise NbvizError(f"A layer is taken into {FEWEST} to {MOST} parts, not {count!r}.")
    values = activation.values
    _check(activation)
    flat = values.reshape(len(values), -1).T
    signed = activation.signed
    rows = np.concatenate([np.maximum(flat, 0), np.maximum(-flat, 0)], 1) if signed else flat
    where, along = _factors(np.ascontiguousarray(rows), min(count, *flat.shape))
    if signed:
        along = along[:, : flat.shape[1]] - along[:, flat.shape[1] :]
    where, along = _scaled(where, along)
    error = float(np.square(flat - where @ along).sum() / np.square(flat).sum())
    weight = where.sum(0) * np.abs(along).sum(1)
    order = np.argsort(-weight, kind="stable")
    maps = where.T[order].reshape(-1, *values.shape[1:]).astype(np.float32)
    shares = weight[order] / weight.sum()
    return Factors(activation.layer, maps, along[order].astype(np.float32), shares, 1 - error, signed, count)


def _check(activation: FeatureMaps) -> None:
    if not activation.places:
        raise Refused(f"'{activation.layer}' has one place only, so nothing lies beside anything: choose a layer with "
                      "places (a shape such as 240 × 28 × 28).")  # fmt: skip
    if not np.isfinite(activation.values).all():
        bad = int((~np.isfinite(activation.values)).sum())
        raise NbvizError(f"{bad:,} values of '{activation.layer}' are not finite numbers: it can't be taken apart.")
    if not activation.values.any():
        raise Nothing(f"'{activation.layer}' is zero everywhere in this picture: there is nothing to take apart.")


def _factors(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Factorise a non-negative matrix into (places, k) and (k, channels)."""
    top = float(rows.max())
    model = scikit("decomposition").NMF(count, init="nndsvda", random_state=0, max_iter=ROUNDS, tol=TOLERANCE)
    with warnings.catch_warnings():
        # how far it came is said by the share it explains
        warnings.simplefilter("ignore", scikit("exceptions").ConvergenceWarning)
        where = model.fit_transform(rows / top)
    # scaled back: scikit-learn's tolerance is meant for values around 1
    return where * top, model.components_


def _scaled(where: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale directions to length 1; parts that came out empty are left out."""
    length = np.linalg.norm(along, axis=1)
    where = where * length
    # rounding leaves a part that is none a trace
    used = where.max(0) > 1e-6 * where.max()
    return where[:, used], along[used] / length[used, None]
