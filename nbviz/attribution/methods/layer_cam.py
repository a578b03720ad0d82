"""LayerCAM: positive gradients weigh each place, so that shallow layers give fine maps."""

from __future__ import annotations

from collections.abc import Iterator

from nbviz.attribution.base import SCORE, Attribution, register, result
from nbviz.passes.subject import Subject


@register(
    "LayerCAM",
    "Jiang et al. 2021, doi:10.1109/TIP.2021.3089943",
    uses_layer=True,
    family="class activation",
    unit=SCORE,
)
def layer_cam(subject: Subject) -> Iterator[Attribution]:
    """Where in the layer more activation would raise the score.

    values: Σ_k relu(∂ score/∂A_k) ∘ A_k, at the layer's resolution (h, w). heat: the positive part,
    interpolated bilinearly.
    """
    activation, gradient = subject.at_layer()
    values = (gradient.clamp(min=0) * activation).sum(0)
    yield result(subject, values, values.clamp(min=0), places=tuple(values.shape))
