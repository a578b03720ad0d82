"""Objective of a direction among a layer's channels."""

from __future__ import annotations

import hashlib

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn import functional

from nbviz.errors import NbvizError
from nbviz.features.objectives.base import Objective, Says, objective


@objective
def direction(layer: str, vector: ArrayLike | Tensor, *, cosine: float = 0.0) -> Objective:
    """Return the mean over places along a direction among a layer's channels.

    vector: (C,). cosine: the power of the cosine similarity that multiplies the dot product; above 0, pictures
    are asked to be like the vector and not only far along it.
    """
    along = torch.as_tensor(vector, dtype=torch.float32).flatten()

    def of(says: Says) -> Tensor:
        maps = says[layer]
        if len(maps) != len(along):
            raise NbvizError(f"The direction has {len(along)} numbers, but '{layer}' has {len(maps)} channels.")
        unit = functional.normalize(along.to(maps), dim=0)[:, None, None]
        dot = (maps * unit).sum(0)
        if not cosine:
            return dot.mean()
        # the cosine ends at .1: below 0 a power of it would reward the opposite direction, at 0 it has no gradient
        return (dot * (dot / maps.norm(dim=0).clamp(min=1e-6)).clamp(min=0.1) ** cosine).mean()

    digest = hashlib.blake2b(along.numpy().tobytes(), digest_size=8).hexdigest()
    return Objective(f"a direction of {layer}", (layer,), of, f"direction {digest} {cosine:g}")
