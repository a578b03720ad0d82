"""Input × gradient: captum's, and the score itself where nothing but ReLUs bends the network."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from torch import nn

import nbviz
from tests.networks import build, picture


@pytest.mark.parametrize("name", ["plain", "inplace", "functional", "dense", "shared", "tokens"])
def test_agrees_with_captum(name: str) -> None:
    x = picture(dtype=torch.float64)
    wanted = captum.attr.InputXGradient(build(name).double().eval()).attribute(x.clone().requires_grad_(), target=2)
    found = nbviz.attribute(build(name).double(), x, 2, "input_x_gradient")
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-12)
    assert torch.equal(found.heat(), found.values[0].sum(0).abs())


def test_sums_to_the_score_without_biases() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(784, 5, bias=False)).double()
    found = nbviz.attribute(net, picture(dtype=torch.float64), 1, "input_x_gradient")
    assert float(found.values.sum()) == pytest.approx(found.facts["score"], rel=1e-12)
