"""Planted faults are found, each by its name and at its channel; a trained network without faults raises no alarm."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.errors import NbvizError
from nbviz.evaluation.health import health


class Scrambles(nn.Module):
    """Turns its channel 5 into noise."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        noise = torch.frac(torch.sin(x.sum(1) * 1e4) * 1e4)
        return torch.cat([x[:, :5], noise[:, None], x[:, 6:]], 1)


def smooth(count: int = 80) -> torch.Tensor:
    """Pictures whose neighbouring pixels are alike, as in photographs."""
    small = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    return functional.interpolate(small, size=(20, 20), mode="bicubic")


def net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(), Scrambles()),
        *(nn.Conv2d(8, 8, 3), nn.Flatten(), nn.LazyLinear(4)),
    )


def planted() -> nn.Sequential:
    made = net()
    made(smooth(2))
    conv = made[0]
    with torch.no_grad():
        conv.weight.mul_(4)
        conv.weight[1] = conv.weight[0] * 2.0
        conv.bias[1] = conv.bias[0] * 2.0
        conv.bias[2] = -1e3
        conv.bias[3] = 1e3
        conv.weight[4] = 0.25
        made[1].weight[6], made[1].bias[6] = 0.0, 0.5
    return made.eval()


def test_planted_faults_are_found() -> None:
    table = health(planted(), smooth())
    found = set(table[["layer", "channel", "finding"]].itertuples(index=False, name=None))
    assert found >= {
        ("0", 1, "duplicate"),
        ("1", 1, "duplicate"),
        ("2", 2, "dead"),
        ("2", 3, "saturated"),
        ("0", 4, "collapsed"),
        ("3", 5, "noise-like"),
        ("1", 6, "uniform"),
        ("2", 6, "uniform"),
    }
    innocent = {(layer, channel) for layer, channel, _ in found} & {("0", 0), ("2", 0), ("0", 7), ("2", 7)}
    assert not innocent
    assert table.attrs["pictures"] == 80
    assert "Seen before in '1'" in table[(table.layer == "2") & (table.channel == 6)].detail.item()


def test_a_sound_network_raises_no_alarm() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    x = functional.interpolate(x, size=(16, 16), mode="bilinear")
    y = torch.tensor(digits.target)
    torch.manual_seed(0)
    made = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(12, 10)),
    )
    optimiser = torch.optim.Adam(made.parameters(), 0.02)
    for start in range(0, 1792, 64):
        optimiser.zero_grad()
        functional.cross_entropy(made(x[start : start + 64]), y[start : start + 64]).backward()
        optimiser.step()
    assert health(made, list(x)).empty


def test_a_dead_and_a_doubled_channel_planted_in_a_trained_network_are_found_and_nothing_else() -> None:
    model, data = nbviz.zoo.load("fashion_cnn"), nbviz.zoo.fashion()
    data = [data[i] for i in range(200)]
    before = health(model, data)
    conv, norm = model.net.blocks[2].conv1, model.net.blocks[2].norm1
    with torch.no_grad():
        norm.weight[5], norm.bias[5] = 0.0, -1.0
        conv.weight[9] = conv.weight[3]
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            tensor[9] = tensor[3]
    rows = health(model, data)[["layer", "channel", "finding"]].itertuples(index=False, name=None)
    new = set(rows) - set(before[["layer", "channel", "finding"]].itertuples(index=False, name=None))
    assert {("blocks.2.relu1", 5, "dead"), ("blocks.2.conv1", 9, "duplicate")} <= new
    assert {channel for _, channel, _ in new} <= {5, 9}


def test_noisy_pictures_are_not_the_networks_fault() -> None:
    noise = torch.randn(40, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    made = nn.Sequential(nn.Conv2d(3, 6, 1), nn.Flatten(), nn.Linear(6 * 400, 3)).eval()
    assert "noise-like" not in set(health(made, noise).finding)


def test_noise_pictures_tell_nothing_of_noise_even_where_strides_overlap() -> None:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 32, 7, 2, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 4))
    for noise in (torch.rand(40, 3, 48, 48), torch.randn(40, 3, 48, 48)):
        assert "noise-like" not in set(health(made, noise).finding)


def test_a_few_values_are_no_ground_for_a_finding() -> None:
    made = net()
    made(smooth(2))
    table = health(made, smooth(1))
    assert "6" not in set(table.layer), "one picture says nothing of a layer without places"
    assert "layer '6' put out 1 values per channel, 8 are needed to judge it." in table.attrs["problems"]


def test_a_layer_that_answers_with_nan_is_told() -> None:
    class Roots(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x - 2).sqrt()

    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 4, 3), Roots(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    table = health(made, smooth(20))
    assert table.attrs["problems"][0] == (
        "layer '1' puts out NaN or infinite values: it is judged by its weights alone."
    )
    assert not {"1", "2", "4"} & set(table.layer)


def test_the_table_has_its_types_empty_or_not() -> None:
    for table in (health(planted(), smooth()), health(planted(), smooth(), layers=["5"])):
        assert list(table.columns) == ["layer", "channel", "finding", "detail"]
        assert table.channel.dtype.kind == "i"


def test_bad_input_is_told_in_words() -> None:
    made = planted()
    with pytest.raises(NbvizError, match="empty"):
        health(made, [])
    with pytest.raises(NbvizError, match="Nearest: '0'|not in this model"):
        health(made, smooth(4), layers=["00"])
    with pytest.raises(NbvizError, match="None of the 2 items"):
        health(made, [np.zeros((0, 4), np.uint8)] * 2)
    for options, words in (({"sample": 0}, "sample= is a whole number of at least 1"), ({"batch": "a"}, "batch= is")):
        with pytest.raises(NbvizError, match=words):
            health(made, smooth(4), **options)
    assert health(made, smooth(9), sample=None).attrs["pictures"] == 9
    mixed = [*smooth(6), torch.zeros(3, 9, 9)]
    table = health(made, mixed)
    assert table.attrs["pictures"] == 6 and "3 × 9 × 9" in table.attrs["problems"][0]
