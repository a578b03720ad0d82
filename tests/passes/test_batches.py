"""Networks that mix the pictures of a batch, or take one picture at a time, against one picture at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.passes.batches import mixes_batch


class OneOnly(nn.Module):
    """A network whose forward flattens the batch away."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.head = nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.trunk(x).view(1, -1))


def statistics() -> nn.Module:
    norm = nn.BatchNorm2d(6, track_running_stats=False)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), norm, nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(6, 4),
    )  # fmt: skip


def made(kind: str) -> nn.Module:
    torch.manual_seed(3)
    return (OneOnly() if kind == "one only" else statistics()).double().eval()


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


KINDS = pytest.mark.parametrize("kind", ["one only", "statistics"])


@KINDS
def test_integrated_gradients_are_those_of_one_picture_at_a_time(kind: str) -> None:
    net, x = made(kind), picture()
    nodes, weights = np.polynomial.legendre.leggauss(6)
    wanted = torch.zeros_like(x)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        at = (x * node).requires_grad_()
        wanted += torch.autograd.grad(net(at)[0, 1], at)[0] * weight
    found = nbviz.attribute(
        net, x, 1, "integrated_gradients", baseline=torch.zeros_like(x), rule="gausslegendre", steps=6
    )
    assert torch.allclose(found.values, wanted * x, rtol=1e-9, atol=1e-12)
    assert found.facts["batches"].startswith("one picture at a time")


@KINDS
def test_occlusion_hides_one_place_at_a_time(kind: str) -> None:
    net, x = made(kind), picture()
    found = nbviz.attribute(net, x, 1, "occlusion", window=8, stride=8, fill="black")
    hidden = x.clone()
    hidden[..., :8, 8:] = nbviz.InstrumentedModel(net).transform.black(x)[..., :8, 8:]
    with torch.no_grad():
        wanted = float((net(x) - net(hidden))[0, 1])
    assert float(found.values[0, -1]) == pytest.approx(wanted, rel=1e-6)


@KINDS
def test_layers_have_their_maps(kind: str) -> None:
    net = made(kind)
    layers = nbviz.InstrumentedModel(net).trace(picture()).layers
    assert sum(layer.places == (14, 14) for layer in layers.values()) >= 2
    assert nbviz.attribute(net, picture(), 1, "grad_cam").values.any()


def test_plain_networks_go_on_in_batches() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nbviz.InstrumentedModel(net.eval())
    x = picture().float()
    model.trace(x)
    assert not model.guest.steady(lambda run: mixes_batch(model, run, x))
    assert "batches" not in nbviz.attribute(model, x, 1, "occlusion").facts
