"""Grad-CAM at any layer whose output has places."""

from __future__ import annotations

from collections.abc import Iterator

from nbviz.attribution.base import SCORE, Attribution, register, result
from nbviz.passes.subject import Subject


@register("Grad-CAM", "Selvaraju et al. 2017, arXiv:1610.02391", uses_layer=True, family="class activation", unit=SCORE)
def grad_cam(subject: Subject) -> Iterator[Attribution]:
    """Where the layer's channels that speak for the class are active.

    values: Σ_k mean(∂ score/∂A_k)·A_k, signed, at the layer's resolution (h, w). heat: its positive part,
    interpolated bilinearly (``align_corners=False``); all zero, and status "no positive evidence", where there
    is none. Token layers are read on their patch grid, prefix tokens left out.
    """
    activation, gradient = subject.at_layer()
    values = (gradient.mean((1, 2))[:, None, None] * activation).sum(0)
    yield result(subject, values, values.clamp(min=0), places=tuple(values.shape))
