"""Saliency in closed form and against captum."""

from __future__ import annotations

import torch
from torch import nn

import nbviz
from tests.networks import picture


class Quadratic(nn.Module):
    """Class k's score is (k + 1) · Σ w x², with gradient 2 (k + 1) w x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 3 * 64, dtype=torch.float64).view(3, 8, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = (self.weight * x**2).sum((1, 2, 3))
        return torch.stack([score, 2 * score, 3 * score], 1)


def test_the_gradient_of_the_raw_score() -> None:
    net, x = Quadratic(), picture(size=8, dtype=torch.float64)
    found = nbviz.attribute(net, x, 2, "saliency")
    exact = 6 * net.weight.detach() * x
    torch.testing.assert_close(found.values, exact, rtol=0, atol=1e-14)
    torch.testing.assert_close(found.heat(), exact[0].abs().amax(0), rtol=0, atol=1e-14)
    assert found.facts["calls"] == 1 and found.facts["dtype"] == "float64"


def test_a_contrast_is_the_difference_of_the_gradients() -> None:
    net, x = Quadratic(), picture(size=8, dtype=torch.float64)
    one, two = (nbviz.attribute(net, x, k, "saliency").values for k in (2, 0))
    both = nbviz.attribute(net, x, (2, 0), "saliency")
    torch.testing.assert_close(both.values, one - two, rtol=0, atol=1e-14)
    assert both.facts["target"] == "class 2 rather than class 0"


def test_a_callable_target_is_explained() -> None:
    net, x = Quadratic(), picture(size=8, dtype=torch.float64)
    found = nbviz.attribute(net, x, lambda output: output.softmax(1)[:, 0], "saliency")
    x = x.clone().requires_grad_()
    net(x).softmax(1)[0, 0].backward()
    torch.testing.assert_close(found.values, x.grad, rtol=0, atol=1e-14)
