"""Pictures at once: few where a network's outputs are large, more where they are small."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import nbviz
from nbviz.attribution.batch_size import at_once
from nbviz.model.instrumented import InstrumentedModel
from nbviz.model.target import Target
from nbviz.passes.subject import Subject
from tests.networks import picture


def network(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, channels, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize(("channels", "count"), [(8, 8), (64, 4), (96, 2)])
def test_as_many_as_the_largest_output_leaves_room_for(channels: int, count: int) -> None:
    model, x = InstrumentedModel(network(channels)), picture(size=112)
    model.trace(x)
    assert model.guest.steady(lambda run: at_once(Subject(model, run, x, Target(1)))) == count


@pytest.mark.parametrize("method", ["occlusion", "rise"])
def test_the_map_does_not_depend_on_it(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = network(8).double(), picture(dtype=torch.float64)
    options = {"window": 4, "stride": 3} if method == "occlusion" else {"masks": 26}
    maps = []
    for count in (2, 8, 16):
        monkeypatch.setattr(f"nbviz.attribution.methods.{method}.at_once", lambda subject, n=count: n)
        maps.append(nbviz.attribute(net, x, 1, method, **options).values)
    assert torch.allclose(maps[0], maps[1], rtol=0, atol=1e-14) and torch.allclose(maps[0], maps[2], rtol=0, atol=1e-14)
