"""What a place sees is what changes it: compared with poking every pixel of networks made positive."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from nbviz.errors import NbvizError
from nbviz.model.instrumented import InstrumentedModel
from nbviz.passes.receptive_field import ReceptiveFields
from nbviz.replica.hooks import hooked, modules_of
from nbviz.replica.replica import replicate
from tests.networks import Dense, Functional, Tokens

SIZE = 16


class Branches(nn.Module):
    """Asymmetric kernels, dilation, two reaches side by side, padding as TensorFlow does."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(3, 4, (1, 3), padding=(0, 1)), nn.Conv2d(3, 4, 3, padding=4, dilation=4)
        self.join = nn.Identity()
        self.down = nn.Conv2d(8, 6, 3, stride=2)
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.join(torch.cat([self.near(x), functional.silu(self.far(x))], 1))
        x = functional.hardswish(self.down(functional.pad(x, (0, 1, 0, 1))))
        return self.head(x.mean((2, 3)))


class Gated(nn.Module):
    """Squeeze and excite: after it every place sees everything."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.gate = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 4, 1)
        self.after = nn.Conv2d(4, 4, 1)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.stem(x))
        x = x * functional.adaptive_avg_pool2d(self.gate(x), 1).sigmoid()
        return self.head(self.after(x).mean((2, 3)))


def pooled() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, padding=2, groups=1, bias=False), nn.BatchNorm2d(4), nn.ReLU6(),
        nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 4, 3, groups=4), nn.LeakyReLU(), nn.AvgPool2d(2, ceil_mode=True),
        nn.Upsample(scale_factor=2), nn.ConvTranspose2d(4, 4, 2, stride=2), nn.Flatten(), nn.LazyLinear(3),
    )  # fmt: skip


def poked(net: nn.Module, name: str) -> torch.Tensor:
    """(h, w, H, W): whether a place changes when a pixel does, in a float64 network of positive weights."""
    net = replicate(net, lambda t: t.double().abs() + 0.1 if t.is_floating_point() else t)
    x = torch.ones(1 + SIZE * SIZE, 3, SIZE, SIZE, dtype=torch.float64)
    for pixel in range(SIZE * SIZE):
        x[1 + pixel, :, pixel // SIZE, pixel % SIZE] += 1
    kept: dict[int, torch.Tensor] = {}
    with torch.no_grad(), hooked({name: modules_of(net)[name]}, lambda _, n, out: kept.update({n: out})):
        net(x)
    out = kept[max(kept)].abs().sum(1)
    return ((out[1:] - out[:1]).abs() > 1e-12 * out[:1]).permute(1, 2, 0).unflatten(2, (SIZE, SIZE))


CASES = [
    *((Functional, name) for name in ("stem", "inner", "relu")),
    *((Dense, name) for name in ("a", "b")),
    *((Branches, name) for name in ("near", "far", "join", "down")),
    *((Gated, name) for name in ("stem", "gate", "after")),
    *((pooled, name) for name in ("0", "3", "4", "6", "7", "8")),
]


@pytest.mark.parametrize(("build", "name"), CASES)
def test_equals_poking_every_pixel(build: type[nn.Module], name: str) -> None:
    torch.manual_seed(0)
    net = build().eval()
    if build is pooled:
        net(torch.zeros(1, 3, SIZE, SIZE))
        net[2] = nn.ReLU()  # at 6 nothing would change any more
    truth = poked(net, name)
    fields = ReceptiveFields(InstrumentedModel(net), (3, SIZE, SIZE))
    for row in range(truth.shape[0]):
        for column in range(truth.shape[1]):
            rows, columns = truth[row, column].any(1).nonzero(), truth[row, column].any(0).nonzero()
            expected = (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
            assert fields.box(name, (row, column)) == expected, (row, column)


def test_attention_sees_everything_and_a_patch_itself() -> None:
    model = InstrumentedModel(Tokens().eval())
    fields = ReceptiveFields(model, (3, SIZE, SIZE))
    assert fields.box("patch", (1, 2)) == (4, 8, 8, 12)
    assert fields.box("block", (1, 2)) == (0, 0, SIZE, SIZE)
    assert fields.box("head", None) == (0, 0, SIZE, SIZE)


def test_a_residual_network_of_torchvisions() -> None:
    from nbviz.replica.torchvision_import import torchvision

    net = torchvision().models.resnet18(weights=None).eval()
    fields = ReceptiveFields(InstrumentedModel(net), (3, 224, 224))
    for name, reach in (("relu", 7), ("maxpool", 11), ("layer1", 43), ("layer2", 99)):
        centre = 14 if name == "layer2" else 28
        top, left, bottom, right = fields.box(name, (centre, centre))
        assert (bottom - top, right - left) == (reach, reach)


def test_the_network_is_left_alone_and_bad_places_are_refused() -> None:
    net = Functional().eval()
    before = [p.clone() for p in net.parameters()]
    fields = ReceptiveFields(InstrumentedModel(net), (3, SIZE, SIZE))
    fields.box("relu", (3, 3))
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    with pytest.raises(NbvizError, match="16 × 16 places"):
        fields.box("stem", (16, 0))
