"""Agreement with captum in float64 on architectures with in-place, functional and shared activations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

import nbviz
from nbviz.replica.torchvision_import import torchvision
from tests.networks import build

# name → a layer for Grad-CAM that no later operation overwrites (captum reads what is left of those that are)
ARCHITECTURES = {
    "resnet18": "layer4",
    "densenet121": "features.denseblock2",
    "vgg": "0.19",
    "mobilenet_v2": "features.6",
    "regnet_y_400mf": "trunk_output",
    "squeezenet1_1": "features.12",
    "functional": "stem",
    "dense": "b",
}
pytestmark = pytest.mark.parametrize("name", ARCHITECTURES)


@cache
def network(name: str) -> nn.Module:
    """In float64, eval mode, seeded weights."""
    if name in ("functional", "dense"):
        return build(name).double().eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if name == "vgg":
            return _vgg().double().eval()
        return torchvision().models.get_model(name, weights=None, num_classes=10).double().eval()


def _vgg() -> nn.Module:
    vgg = torchvision().models.vgg
    features = vgg.make_layers(vgg.cfgs["A"], batch_norm=False)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


@contextmanager
def captum() -> Iterator[Any]:
    """Captum's attr module, with its warnings about requires_grad left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import captum.attr

        yield captum.attr


def picture(name: str) -> torch.Tensor:
    """(1, 3, 48, 48)"""
    return torch.randn(1, 3, 48, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def close(mine: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Within 1e-8 of the map's own size."""
    return float((mine - theirs.detach()).abs().max()) <= 1e-8 * max(float(theirs.detach().abs().max()), 1e-12)


def test_saliency(name: str) -> None:
    with captum() as attr:
        theirs = attr.Saliency(network(name)).attribute(picture(name), target=3, abs=False)
    assert close(nbviz.attribute(network(name), picture(name), 3, "saliency").values, theirs)


def test_integrated_gradients(name: str) -> None:
    x, steps = picture(name), 6
    with captum() as attr:
        method = attr.IntegratedGradients(network(name))
        theirs = method.attribute(x, torch.zeros_like(x), target=3, n_steps=steps, method="gausslegendre")
    mine = nbviz.attribute(network(name), x, 3, rule="gausslegendre", steps=steps, baseline=torch.zeros_like(x))
    assert close(mine.values, theirs)


def test_grad_cam(name: str) -> None:
    net, layer = network(name), ARCHITECTURES[name]
    with captum() as attr:
        module = dict(net.named_modules())[layer]
        theirs = attr.LayerGradCam(net, module).attribute(picture(name), target=3)
    mine = nbviz.attribute(net, picture(name), 3, "grad_cam", layer=layer)
    if _overwritten(net, layer):
        theirs = _reference(net, module, picture(name))
    assert close(mine.values, theirs[0, 0])
    assert close(mine.evidence, theirs[0, 0].clamp(min=0))


def _overwritten(net: nn.Module, layer: str) -> bool:
    model = nbviz.InstrumentedModel(net)
    model.predict(picture(""))
    return any(name == layer for name, _ in model.trace().overwritten)


def _reference(net: nn.Module, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Grad-CAM by a clone in a hook: the layer's output as it was, with its gradient."""
    kept: list[torch.Tensor] = []

    def keep(_: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        kept.append(output)
        return output.clone()

    handle = module.register_forward_hook(keep)
    score = net(x.requires_grad_())[0, 3]
    handle.remove()
    gradient = torch.autograd.grad(score, kept[0])[0]
    return (gradient.mean((2, 3), keepdim=True) * kept[0]).sum(1, keepdim=True)
