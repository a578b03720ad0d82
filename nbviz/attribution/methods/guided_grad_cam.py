"""Guided Grad-CAM: guided backprop where Grad-CAM sees positive evidence."""

from __future__ import annotations

from collections.abc import Iterator

from torch.nn import functional

from nbviz.attribution.base import Attribution, register, result
from nbviz.passes.graph.relu_gradients import ruled_backward
from nbviz.passes.precision import at_least_single
from nbviz.passes.subject import Subject, record


@register(
    "Guided Grad-CAM",
    "Selvaraju et al. 2017, arXiv:1610.02391",
    uses_layer=True,
    family="class activation",
    limited=True,
)
def guided_grad_cam(subject: Subject) -> Iterator[Attribution]:
    """Fine edges, but only where the layer speaks for the class.

    values: guided backprop (1, C, H, W) times the positive part of Grad-CAM at the layer, interpolated
    bilinearly (``align_corners=False``; captum repeats places unless told otherwise). heat: the largest
    absolute value over the channels, ≥ 0. What it says of the class it says at the layer's resolution; the
    detail is guided backprop's, which hardly depends on the class. A network without ReLU is refused.
    """
    name = subject.layer or ""
    x = subject.leaf(subject.x)
    scores, activations = record(subject, x, name)
    gradient = at_least_single(activations[name].gradient(scores, retain=True)[0])
    cam = (gradient.mean((1, 2))[:, None, None] * at_least_single(activations[name].maps[0])).sum(0).clamp(min=0)
    guided = ruled_backward(subject, scores, x, "guided", "Guided Grad-CAM")
    wide = functional.interpolate(cam[None, None], size=x.shape[2:], mode="bilinear", align_corners=False)
    values = at_least_single(guided.values) * wide
    facts = {"places": tuple(cam.shape), **guided.facts}
    yield result(subject, values, values[0].abs().amax(0), **facts)
