"""A network's type is that of its weights, not of a counter that happens to be its first parameter."""

from __future__ import annotations

import torch
from torch import nn

import nbviz
from tests.networks import build, state_hash


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.version = nn.Parameter(torch.zeros(1, dtype=torch.int64), requires_grad=False)
        self.net = build("functional")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def test_an_integer_first_parameter_changes_no_answer() -> None:
    net, pictures = Counting().eval(), [torch.rand(3, 16, 16) for _ in range(3)]
    before, plain = state_hash(net), net.net
    index, expected = (
        nbviz.Index.build(one, pictures, layers=[layer], k=2, progress=False)
        for one, layer in ((net, "net.norm"), (plain, "norm"))
    )
    found = [(one.item, one.activation) for one in index.top("net.norm", 0)]
    assert found == [(one.item, one.activation) for one in expected.top("norm", 0)]
    assert nbviz.attribute(net, pictures[0][None], 1, "saliency").facts["dtype"] == "float32"
    assert state_hash(net) == before
