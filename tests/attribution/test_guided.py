"""Guided backprop and deconvnet: captum where it sees every ReLU, closed forms, refusals, channels."""

from __future__ import annotations

from typing import Any

import captum.attr
import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.model.target import Target
from tests.networks import Functional, build, picture

PEERS = {"guided_backprop": captum.attr.GuidedBackprop, "deconvnet": captum.attr.Deconvolution}


def modules() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 9, 5),
    ).double().eval()  # fmt: skip


@pytest.mark.parametrize("method", PEERS)
@pytest.mark.filterwarnings("ignore:Setting:UserWarning")
def test_agrees_with_captum_on_module_relus(method: str) -> None:
    net, x = modules(), picture(dtype=torch.float64)
    wanted = PEERS[method](modules()).attribute(x.clone().requires_grad_(), target=2)
    found = nbviz.attribute(net, x, 2, method)
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-10)
    assert torch.equal(found.heat(), found.values[0].abs().amax(0))
    assert found.facts["relus"] == 2


class Same(nn.Module):
    """:func:`modules` with functional, in-place calls."""

    def __init__(self) -> None:
        super().__init__()
        self.net = modules()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu_(self.net[1](self.net[0](x)))
        return self.net[7](functional.relu(self.net[4](functional.max_pool2d(x, 2))).flatten(1))


@pytest.mark.parametrize("method", PEERS)
def test_functional_calls_count_as_modules_do(method: str) -> None:
    x = picture(dtype=torch.float64)
    found, wanted = (nbviz.attribute(net, x, 1, method) for net in (Same(), modules()))
    assert torch.equal(found.values, wanted.values)


@pytest.mark.parametrize("method", PEERS)
def test_a_network_without_relus_is_refused_in_words(method: str) -> None:
    with pytest.raises(nbviz.NbvizError, match="needs ReLUs; this network has 1 GELU"):
        nbviz.attribute(build("tokens"), picture(), 1, method)


def test_activations_that_are_no_relus_are_said() -> None:
    assert nbviz.attribute(Functional(), picture(), 1, "guided_backprop").facts["not_relus"] == "1 LeakyReLU"


@pytest.mark.parametrize("place", ["max", "mean", (1, 2)])
def test_deconvnet_of_a_channel_is_zeiler_and_fergus(place: Any) -> None:
    net, x = modules(), picture(dtype=torch.float64)
    with torch.no_grad():
        below = functional.max_pool2d(net[2](net[1](net[0](x))), 2, return_indices=True)
        active = net[4](below[0])[0, 3]
        at = {"max": (active == active.max()).double(), "mean": torch.full_like(active, 1 / 9)}
        start = torch.zeros(1, 8, 3, 3, dtype=torch.float64)
        start[0, 3] = at[place] if isinstance(place, str) else torch.eye(9, dtype=torch.float64)[5].view(3, 3)
        # transposed convolution, unpooling by the switches, rectification of what goes back
        signal = functional.conv_transpose2d(start, net[4].weight, stride=2, output_padding=1)
        signal = functional.max_unpool2d(signal, below[1], 2).clamp(min=0)
        norm = net[1].weight / (net[1].running_var + net[1].eps).sqrt()
        wanted = functional.conv_transpose2d(signal * norm[:, None, None], net[0].weight, padding=1)
    found = nbviz.attribute(net, x, Target.channel("4", 3, place), "deconvnet")
    assert torch.allclose(found.values, wanted, rtol=0, atol=1e-12)
    assert found.facts["score"] == pytest.approx(float((active * start[0, 3]).sum()))


def test_a_first_convolution_needs_no_relu() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = nbviz.attribute(net, picture(), Target.channel("0", 2, "max"), "deconvnet")
    assert int((found.heat() > 0).sum()) == 9
    with pytest.raises(nbviz.NbvizError, match="1 SiLU"):
        nbviz.attribute(net, picture(), Target.channel("1", 2), "deconvnet")
