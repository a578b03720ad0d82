"""Atlases of networks that mix the pictures of a batch, against one picture at a time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbviz.model.instrumented import InstrumentedModel
from tests.dataset.atlas.test_atlas import build


class OneOnly(nn.Sequential):
    """A network whose forward flattens the batch away."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self[2](self[1](self[0](x)).mean((2, 3)).view(1, -1))


@pytest.mark.parametrize("kind", ["one only", "statistics"])
def test_a_network_that_mixes_the_pictures_of_a_batch_is_mapped_one_at_a_time(kind: str) -> None:
    torch.manual_seed(0)
    first, last = nn.Conv2d(3, 6, 1), nn.Linear(6, 3)
    if kind == "one only":
        net: nn.Module = OneOnly(first, nn.ReLU(), last)
    else:
        norm = nn.BatchNorm2d(6, track_running_stats=False)
        net = nn.Sequential(first, nn.Sequential(norm, nn.ReLU()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    found, alone = (build(InstrumentedModel(net), batch=size)._chart.tensors for size in (16, 1))
    assert found.keys() == alone.keys() and len(found["items"]) == 270
    for name, values in found.items():
        assert torch.allclose(values.float(), alone[name].float(), atol=1e-5), name
