"""Every method over its floor, and over its peers, paired in one run. ``NBVIZ_BENCH`` names the networks.

A floor is what the method can't do without: passes of the bare network. Captum and torch-cam are given the same bare
network, the same picture as a tensor, and as many steps, copies or windows. Captum has no RISE: its floor is one
forward a mask. Attention is measured on a ViT of timm's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.replica.replica import replicate
from nbviz.replica.torchvision_import import torchvision
from tests.bench.measure import Row, Work, paired

NETWORKS = ("efficientnet_lite0", "resnet18")
ROUNDS = int(os.environ.get("NBVIZ_ROUNDS", "9"))
CLASS, FIVE = 281, [281, 282, 285, 207, 463]
BACKWARD = "one forward + input backward"


def rows() -> Iterator[Row]:
    """The table's lines, network by network."""
    for name in os.environ.get("NBVIZ_BENCH", " ".join(NETWORKS)).split():
        yield from _rows(name, _Bench(_model(name)))
    yield from _attention(_Bench(_vit()))


def _model(name: str) -> InstrumentedModel:
    if name == "efficientnet_lite0":
        return nbviz.zoo.load(name)
    torch.manual_seed(0)
    return InstrumentedModel(torchvision().models.get_model(name, weights=None).eval(), name=name)


def _vit() -> InstrumentedModel:
    torchvision()
    import timm

    torch.manual_seed(0)
    return InstrumentedModel(timm.create_model("vit_tiny_patch16_224").eval(), name="vit_tiny")


class _Bench:
    """A network with its picture, and what is measured on it."""

    def __init__(self, model: InstrumentedModel) -> None:
        self.model, self.picture = model, as_picture(nbviz.zoo.photographs()["cat"])
        self.x = model.input(self.picture)
        model.trace(self.x)
        self.net = replicate(model.net).eval()

    def forward(self) -> Any:
        with torch.no_grad():
            return self.net(self.x)

    def backward(self) -> Any:
        inner = self.x.detach().requires_grad_()
        return torch.autograd.grad(self.net(inner)[0, CLASS], inner)

    def method(self, name: str, target: Any = CLASS, **options: Any) -> Work:
        return partial(nbviz.attribute, self.model, self.picture, target, name, **options)

    def row(self, name: str, floor: str, base: Work, limit: float | None = None, **options: Any) -> Row:
        what = f"{self.model.name}: {name}"
        return paired(what, self.method(name, **options), floor, base, limit=limit, rounds=ROUNDS)


def _times(work: Work, count: int) -> Work:
    return lambda: [work() for _ in range(count)]


def _rows(name: str, bench: _Bench) -> Iterator[Row]:
    for method in ("saliency", "input_x_gradient", "guided_backprop", "deconvnet", "guided_grad_cam"):
        yield bench.row(method, BACKWARD, bench.backward, 1.1)
    for method in ("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "eigen_cam"):
        yield bench.row(method, BACKWARD, bench.backward, 1.1)
    yield bench.row("smoothgrad", f"16 × {BACKWARD}", _times(bench.backward, 16), 1.1, samples=16)
    for method in ("integrated_gradients", "blur_integrated_gradients", "expected_gradients"):
        options = {"tolerance": 0.01, "maximum": 25}
        yield bench.row(method, f"25 × {BACKWARD}", _times(bench.backward, 25), 1.1, **options)
    five = _times(bench.method("saliency"), 5)
    at_once = bench.method("saliency", FIVE)
    yield paired(f"{name}: five classes of saliency", at_once, "five single ones", five, limit=0.7, rounds=ROUNDS)
    yield bench.row("rise", "64 × one forward", _times(bench.forward, 64), 1.1, masks=64)
    yield bench.row("score_cam", "33 × one forward", _times(bench.forward, 33), 1.1, maximum=32)
    for what, mine, theirs in _peers(bench):
        yield paired(f"{name}: {what}", mine, "the peer", theirs, limit=1.0, rounds=ROUNDS)


def _peers(bench: _Bench) -> Iterator[tuple[str, Work, Work]]:
    import captum.attr as captum
    from torchcam.methods import GradCAM

    net, x = bench.net, bench.x.detach()
    yield "saliency, captum", bench.method("saliency"), _captum(captum.Saliency(net), x)
    smooth = _captum(captum.NoiseTunnel(captum.Saliency(net)), x, nt_samples=16)
    yield "smoothgrad, captum", bench.method("smoothgrad", samples=16), smooth
    fixed = _captum(captum.IntegratedGradients(net), x, n_steps=24, method="gausslegendre")
    steps = bench.method("integrated_gradients", rule="gausslegendre", steps=24)
    yield "integrated gradients, captum", steps, fixed
    sweep = {"sliding_window_shapes": (3, 64, 64), "strides": (3, 40, 40)}
    windows = bench.method("occlusion", window=64, stride=40)
    yield "occlusion, captum", windows, _captum(captum.Occlusion(net), x, **sweep)
    four = _captum(captum.Occlusion(net), x, **sweep, perturbations_per_eval=4)
    yield "occlusion, captum by fours", windows, four
    layer = nbviz.attribute(bench.model, bench.picture, CLASS, "grad_cam").facts["layer"]
    module = dict(net.named_modules())[layer]
    yield "grad_cam, captum", bench.method("grad_cam"), _captum(captum.LayerGradCam(net, module), x)
    with GradCAM(net, target_layer=layer) as cam:
        yield "grad_cam, torch-cam", bench.method("grad_cam"), _torch_cam(net, cam, x)


def _captum(explainer: Any, x: torch.Tensor, **options: Any) -> Work:
    return lambda: explainer.attribute(x.clone(), target=CLASS, **options)


def _torch_cam(net: nn.Module, cam: Callable[..., Any], x: torch.Tensor) -> Work:
    return lambda: cam(CLASS, net(x.clone().requires_grad_()))


def _attention(bench: _Bench) -> Iterator[Row]:
    for method in ("attention", "rollout", "gradient_rollout", "grad_cam"):
        yield bench.row(method, BACKWARD, bench.backward, 1.1)
