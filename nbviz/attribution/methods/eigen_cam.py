"""Eigen-CAM: the first principal component of a layer's maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from nbviz.attribution.base import Attribution, register, result
from nbviz.passes.subject import Subject


@register(
    "Eigen-CAM",
    "Muhammad, Yeasin 2020, arXiv:2008.00299",
    uses_layer=True,
    family="class activation",
    uses_target=False,
)
def eigen_cam(subject: Subject) -> Iterator[Attribution]:
    """Pattern that the layer's channels share most, for any class.

    values: the maps projected on their first right singular vector, as in the paper not centred, at the layer's
    resolution (h, w); of the two signs the one with the larger sum. Zero where the score does not depend on
    the layer. heat: the positive part, interpolated bilinearly. ``facts["energy"]``: the share of the maps'
    energy that the component holds. It is the same for every class: no evidence for any one.
    """
    activation, gradient = subject.at_layer()
    maps = activation.flatten(1).double().cpu()
    component, energy = _first(maps) if gradient.any() else (torch.zeros_like(maps[0]), 0.0)
    values = component.to(activation.dtype).view(activation.shape[1:])
    facts: dict[str, Any] = {"energy": energy, "depends_on_class": "no"}
    yield result(subject, values, values.clamp(min=0), places=tuple(values.shape), **facts)


def _first(maps: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Project maps (C, places) on their first component: (places,), and its share of the energy."""
    # the smaller of the two Gram matrices has the same eigenvalues above 0
    wide = maps.shape[0] > maps.shape[1]
    values, vectors = torch.linalg.eigh(maps.T @ maps if wide else maps @ maps.T)
    largest = values[-1].clamp(min=0)
    component = vectors[:, -1] * largest.sqrt() if wide else vectors[:, -1] @ maps
    whole = maps.square().sum()
    # a singular vector's sign is chance: it would turn the map inside out from one machine to the next
    return component * (1 if component.sum() >= 0 else -1), float(largest / whole) if whole else 0.0
