"""What makes a network another one for whatever is kept of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.errors import NbvizError
from nbviz.replica.watching.identity import network_digest


class Sloped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
        self.slope, self.calls = 0.01, 0
        self.register_buffer("scale", torch.ones(4, 1, 1))
        self.names = ["a", "b"]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.head(self.rectified(self.scale * self.conv(x)).mean((2, 3)))

    def rectified(self, x: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(x, self.slope)


class Steeper(Sloped):
    def rectified(self, x: torch.Tensor) -> torch.Tensor:
        return functional.leaky_relu(x, self.slope) + x


def _retyped(net: nn.Module) -> None:
    net.__class__ = Steeper


def _renamed(net: nn.Module) -> None:
    net.first = net.conv
    del net.conv


OTHERS: dict[str, Callable[[Sloped], Any]] = {
    "slope": lambda net: setattr(net, "slope", 1.0),
    "list": lambda net: net.names.append("c"),
    "weight": lambda net: net.conv.weight.data[1, 2].zero_(),
    "buffer": lambda net: net.scale.mul_(2),
    "method": _retyped,
    "module's attribute": lambda net: setattr(net.conv, "padding", (1, 1)),
    "hook": lambda net: net.conv.register_forward_hook(lambda module, inputs, output: output + 1),
    "forward of its own": lambda net: setattr(net, "rectified", lambda x: x),
    "name": _renamed,
    "type": lambda net: net.double(),
}
SAME: dict[str, Callable[[Sloped], Any]] = {
    "nothing": lambda net: None,
    "copy": copy.deepcopy,
    "mode": lambda net: net.train(),
    "use": lambda net: net(torch.rand(1, 3, 8, 8)),
    "gradients": lambda net: net(torch.rand(1, 3, 8, 8)).sum().backward(),
    "compiled": lambda net: net.conv.compile(backend="eager"),
}


@pytest.mark.parametrize("how", OTHERS)
def test_what_changes_an_answer_changes_the_digest(how: str) -> None:
    net = Sloped()
    before = network_digest(net)
    OTHERS[how](net)
    assert network_digest(net) != before


@pytest.mark.parametrize("how", SAME)
def test_what_changes_no_answer_does_not(how: str) -> None:
    net = Sloped()
    before = network_digest(net)
    made = SAME[how](net)
    assert network_digest(made if isinstance(made, nn.Module) else net) == before


def test_an_index_of_another_slope_is_refused(tmp_path: Any) -> None:
    net, other = Sloped(), Sloped()
    other.load_state_dict(net.state_dict())
    data = [torch.rand(3, 16, 16) for _ in range(4)]
    nbviz.Index.build(net, data, layers=["head"], k=2, path=tmp_path / "index", progress=False)
    assert nbviz.Index.load(tmp_path / "index", other, data).top("head", 0)
    other.slope = 1.0
    with pytest.raises(NbvizError, match="another network"):
        nbviz.Index.load(tmp_path / "index", other, data)
