"""Networks of half precision: what leaves its range in sums is computed in float32, and gradients in between."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from nbviz.features import invert, making
from nbviz.features.invert import inverting
from tests.features.real_pictures import crops

DTYPES = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])


def tower() -> nn.Sequential:
    """Activations of some hundreds, so that their squares sum up far above 65,504."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    with torch.no_grad():
        for module in net:
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(20)
    return net


@DTYPES
def test_a_layer_is_inverted_as_in_float32(dtype: torch.dtype) -> None:
    image, net = crops(1, 48)[0], tower()
    half = copy.deepcopy(net).to(dtype)
    *_, wanted = inverting(net, image, "3", steps=40)
    *_, made = inverting(half, image, "3", steps=40)
    assert made.rise[0, -1] > made.rise[0, 0] + 0.5 * (wanted.rise[0, -1] - wanted.rise[0, 0])
    found = invert(half, image, "3", steps=3)
    assert found.dtype == torch.float32 and found.min() >= 0 and found.max() <= 1


@DTYPES
@pytest.mark.parametrize("share", [1e-7, 1.0, 1e4])
def test_a_channel_is_driven_whatever_the_size_of_its_gradient(dtype: torch.dtype, share: float) -> None:
    """A mean over 2,304 places of weights of 1e-7 has gradients under the least number of float16."""
    net = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        net[0].weight[0] = share * torch.tensor([1.0, -1.0, 0.5]).view(3, 1, 1)
    *_, made = making(net.to(dtype), "0", 0, size=48, steps=40, rate=0.15, path=False)
    red, green, blue = made.pictures[0].mean((1, 2)).tolist()
    assert red > 0.8 and green < 0.3 and blue > 0.7
