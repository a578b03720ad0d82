"""HiResCAM: Grad-CAM without averaging the gradient over places."""

from __future__ import annotations

from collections.abc import Iterator

from nbviz.attribution.base import SCORE, Attribution, register, result
from nbviz.passes.subject import Subject


@register("HiResCAM", "Draelos, Carin 2020, arXiv:2011.08891", uses_layer=True, family="class activation", unit=SCORE)
def hires_cam(subject: Subject) -> Iterator[Attribution]:
    """Where in the layer the score gets its evidence, place by place.

    values: Σ_k ∂ score/∂A_k ∘ A_k, signed, at the layer's resolution (h, w); where only linear operations
    follow they sum to the score less its bias. heat: the positive part, interpolated bilinearly.
    """
    activation, gradient = subject.at_layer()
    values = (gradient * activation).sum(0)
    yield result(subject, values, values.clamp(min=0), places=tuple(values.shape))
