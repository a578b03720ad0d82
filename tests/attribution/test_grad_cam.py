"""Grad-CAM in closed form: dirty in-place layers, a shared ReLU call by call, tokens; and Grad-CAM of all layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.model.instrumented import InstrumentedModel, as_picture
from nbviz.model.target import Target
from nbviz.passes.evidence import evidence
from tests.networks import NETWORKS, build, picture


class ByHand(nn.Module):
    """conv 1×1 (given), in-place shift, mean, linear: every step can be done by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1, bias=False).double()
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(2, 2, bias=False).double()
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([1.0, -2.0]).view(2, 1, 1, 1))
            self.head.weight.copy_(torch.tensor([[3.0, 1.0], [-1.0, 0.5]]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.conv(x))
        return self.head(x.mean((2, 3)))


def test_a_layer_overwritten_in_place_is_read_as_it_put_out() -> None:
    x = torch.arange(-8, 8, dtype=torch.float64).view(1, 1, 4, 4)
    after = torch.cat([x, -2 * x], 1).clamp(min=0)
    # d score/d relu = w/16; at the conv only where it was positive
    at_relu = (torch.tensor([3.0, 1.0]).view(2, 1, 1) / 16 * after[0]).sum(0)
    mean = torch.stack([3 / 16 * (x > 0).double().mean(), 1 / 16 * (x < 0).double().mean()])
    at_conv = mean[0] * x[0, 0] + mean[1] * -2 * x[0, 0]
    net = ByHand()
    relu = nbviz.attribute(net, x, 0, "grad_cam", layer="relu")
    conv = nbviz.attribute(net, x, 0, "grad_cam", layer="conv")
    torch.testing.assert_close(relu.values, at_relu, rtol=0, atol=1e-14)
    torch.testing.assert_close(conv.values, at_conv, rtol=0, atol=1e-14)
    torch.testing.assert_close(relu.heat(), at_relu.clamp(min=0), rtol=0, atol=1e-14)


def test_no_positive_evidence_is_zero_and_said() -> None:
    found = nbviz.attribute(ByHand(), -torch.ones(1, 1, 4, 4).double(), 1, "grad_cam", layer="conv")
    assert found.facts["status"] == "ok"
    x = torch.ones(1, 1, 4, 4).double()
    found = nbviz.attribute(ByHand(), x, 1, "grad_cam", layer="relu")
    assert (found.values < 0).all() and not found.heat().any()
    assert found.facts["status"] == "no positive evidence"


class Twice(nn.Module):
    """One ReLU module called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1).double(), nn.Conv2d(4, 4, 3, stride=2, padding=1).double()
        self.relu = nn.ReLU()
        self.head = nn.Linear(4, 3).double()

    def forward(self, x: torch.Tensor, keep: list[torch.Tensor] | None = None) -> torch.Tensor:
        one = self.relu(self.a(x))
        two = self.relu(self.b(one))
        if keep is not None:
            keep += [one, two]
        return self.head(two.amax((2, 3)))


def _by_autograd(activation: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
    gradient = torch.autograd.grad(score, activation, retain_graph=True)[0]
    return (gradient.mean((2, 3), keepdim=True) * activation).sum(1)[0].detach()


def test_each_call_of_a_shared_module_has_its_own_map() -> None:
    torch.manual_seed(0)
    net, x = Twice(), picture(dtype=torch.float64)
    keep: list[torch.Tensor] = []
    score = net(x.requires_grad_(), keep)[0, 1]
    for name, activation in (("relu#1", keep[0]), ("relu#2", keep[1]), ("relu", keep[1])):
        found = nbviz.attribute(net, x.detach(), 1, "grad_cam", layer=name)
        torch.testing.assert_close(found.values, _by_autograd(activation, score), rtol=0, atol=1e-14)
        assert found.facts["layer"] == name


def test_tokens_are_read_on_their_patch_grid() -> None:
    net, x = build("tokens").double().eval(), picture(dtype=torch.float64)
    found = nbviz.attribute(net, x, 1, "grad_cam", layer="block")
    kept: list[torch.Tensor] = []
    handle = net.block.register_forward_hook(lambda *args: kept.append(args[2]))
    score = net(x.requires_grad_())[0, 1]
    handle.remove()
    gradient = torch.autograd.grad(score, kept[0])[0][0, 1:]
    # the head reads the class token only: at the block's end no patch has a gradient
    assert not gradient.any() and not found.values.any()
    at_patch = nbviz.attribute(net, x.detach(), 1, "grad_cam", layer="patch")
    assert at_patch.values.shape == (4, 4) and at_patch.values.any()


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in ("drops", "bfloat16")])
def test_evidence_of_all_layers_is_grad_cam_layer_by_layer(name: str) -> None:
    net = build(name)
    x = picture(dtype=torch.float64 if name == "float64" else torch.float32)
    model = InstrumentedModel(net)
    found = evidence(model, as_picture(x), Target(1))
    checked = 0
    for layer in model.layers().walk():
        if layer.places is None or layer.name not in found.maps:
            continue
        exact = nbviz.attribute(model, x, 1, "grad_cam", layer=layer.name).values.float()
        scale = float(exact.abs().max()) or 1.0
        mine = found.maps[layer.name]
        assert mine is not None and mine.shape == exact.shape
        assert np.abs(mine - exact.numpy()).max() <= 1e-6 * scale, layer.name
        checked += 1
    assert checked >= 2


def test_contributions_are_gradient_times_activation() -> None:
    net, x = build("inplace").double().eval(), picture(dtype=torch.float64)
    found = evidence(InstrumentedModel(net), as_picture(x), Target(1))
    a0 = net[1](net[0](x)).detach()
    for name, start, activation in (("1", 2, a0), ("2", 3, a0.clamp(min=0)), ("7", 8, net(x).detach())):
        at = activation.clone().requires_grad_()
        rest = at.clone()  # an in-place ReLU may not write to a leaf
        for layer in list(net)[start:]:
            rest = layer(rest)
        gradient = torch.autograd.grad(rest[0, 1], at)[0]
        exact = (gradient * activation)[0].flatten(1).sum(1) if activation.dim() > 2 else (gradient * activation)[0]
        np.testing.assert_allclose(found.contributions[name], exact.detach(), rtol=1e-5, atol=1e-9)
    assert found.maps["7"] is None and found.index == 1
    assert found.score == pytest.approx(float(net(x)[0, 1].detach()), abs=1e-12)
