"""Peaks that follow from others are those of the maps, to the bit; what doesn't follow is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import nbviz
from nbviz.dataset import Index
from nbviz.dataset.index import ranking_pass as walk
from nbviz.dataset.index.peaks import LARGE, Peaks, follows, rule_of

INF = float("inf")


def norm(channels: int, seed: int = 0) -> nn.BatchNorm2d:
    """A norm at rest with arbitrary numbers, some scales negative and one 0."""
    made, generator = nn.BatchNorm2d(channels).eval(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (made.weight, made.bias, made.running_mean):
            tensor.copy_(torch.randn(channels, generator=generator))
        made.running_var.copy_(torch.rand(channels, generator=generator) + 0.1)
        made.weight[0] = 0
    return made


def maps(count: int, channels: int, side: int) -> torch.Tensor:
    return 4 * torch.randn(count, channels, side, side, generator=torch.Generator().manual_seed(side))


def places(x: torch.Tensor, sign: int) -> torch.Tensor:
    return torch.from_numpy((sign * x).flatten(2).numpy().argmax(2))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("side", [1, 2, 7, 14, 25])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_look_tells_values_and_first_places(side: int, sign: int, dtype: torch.dtype) -> None:
    x = maps(3, 5, side).round().to(dtype)  # rounded: equals are plentiful
    peaks = Peaks.of(x, sign)
    assert torch.equal(peaks.values, (sign * x).flatten(2).amax(2).float())
    assert torch.equal(peaks.locate(x, torch.ones(3, 5, dtype=torch.bool), sign).long(), places(x.float(), sign))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("side", [2, 3, 7, 14, 25])
@pytest.mark.parametrize("count", [1, 5, 8])
@pytest.mark.parametrize("module", [nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.5, 0.25), norm(19)], ids=str)
def test_what_follows_is_what_a_look_tells(module: nn.Module, count: int, side: int, sign: int) -> None:
    x = maps(count, 19, side)
    x[0, 3], x[0, 4] = -1.0, 7.0  # everywhere at a limit
    with torch.no_grad():
        y = module(x)
        given, rule = Peaks.of(x, sign), rule_of(module)
        assert rule is not None and follows(module, x, y)
        every = torch.ones(count, 19, dtype=torch.bool)
        given.locate(x, every, sign)
        found = rule.follow(given, y, sign)
    assert torch.equal(found.values, Peaks.of(y, sign).values)
    assert torch.equal(found.locate(y, every, sign).long(), places(y, sign))


def test_every_place_of_a_norm_is_rounded_alike() -> None:
    # the rule rests on it: one number gives one result, wherever in a map it stands
    module, value = norm(64), torch.randn(64, 1, 1, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        wide = [module(value.expand(1, 64, 1, width).contiguous()) for width in (2, 3, 8, 15, 16, 49, 64, 65)]
    for made in wide:
        assert torch.equal(made, wide[0][..., :1].expand_as(made))


def test_nan_and_infinity_follow_too() -> None:
    x = maps(2, 8, 6)
    x[0, 1, 2, 3], x[0, 2, 1, 1], x[1, 0, 0, 0], x[1, 3, 4, 4] = torch.nan, INF, -INF, -INF
    for module in (nn.ReLU(), nn.ReLU6(), norm(8)):
        rule = rule_of(module)
        assert rule is not None
        with torch.no_grad():
            y = module(x)
            found = rule.follow(Peaks.of(x, 1), y, 1).values
        assert torch.equal(found.nan_to_num(-123), Peaks.of(y, 1).values.nan_to_num(-123))


@pytest.mark.parametrize(
    "module",
    [nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.BatchNorm2d(3), nn.BatchNorm2d(3, track_running_stats=False).eval()],
    ids=["SiLU", "GELU", "Hardswish", "in training", "batch statistics"],
)
def test_no_rule_where_order_may_change(module: nn.Module) -> None:
    assert rule_of(module) is None


def test_no_rule_for_what_a_hook_may_change() -> None:
    module = nn.ReLU()
    module.register_forward_hook(lambda *_: None)
    assert rule_of(module) is None


class Net(nn.Module):
    """Norms and clamps in every way they are used: in place, twice, after a functional step, on a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 8, 3, padding=1), norm(8, 1), nn.ReLU(inplace=True)
        self.pool, self.conv2, self.norm2, self.relu6 = nn.MaxPool2d(2), nn.Conv2d(8, 12, 3), norm(12, 2), nn.ReLU6()
        self.branch, self.again = nn.Conv2d(8, 12, 3), nn.ReLU()
        self.head = nn.Linear(12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.relu(self.norm(self.conv(x))))
        y = self.conv2(x)
        y += 1  # what the norm is given is not what was looked at any more
        y = self.relu6(self.norm2(y))
        y = self.again(self.again(y - self.branch(x)))
        return self.head(y.mean((2, 3)))


@pytest.fixture
def images() -> Iterator[list[torch.Tensor]]:
    side = 2 * int(LARGE**0.5)
    yield list(torch.randn(40, 3, side, side, generator=torch.Generator().manual_seed(4)))


@pytest.mark.parametrize("batch", [3, 16])
def test_an_index_by_rules_is_the_index_by_looks(
    images: list[torch.Tensor], batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    net = Net().eval()
    options = {"k": 5, "bottom": 3, "sample": 7, "batch": batch, "progress": False}
    Index.build(net, images, path=tmp_path / "rules", **options)
    monkeypatch.setattr(walk, "rule_of", lambda _: None)
    Index.build(net, images, path=tmp_path / "looks", **options)
    one, other = (load_file(tmp_path / name / "index.safetensors") for name in ("rules", "looks"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_norm_and_a_relu_need_a_look_at_the_first_batch_only(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    of = Peaks.of
    monkeypatch.setattr(Peaks, "of", lambda maps, sign: looks.append(len(maps)) or of(maps, sign))
    some = [nbviz.zoo.fashion()[number] for number in range(64)]
    layers = ["stem.conv", "stem.norm", "stem.relu"]
    Index.build(nbviz.zoo.load("fashion_cnn"), some, layers=layers, batch=16, progress=False)
    assert looks == [16, 16, 16, 16, 16, 16]


def test_a_module_that_is_not_what_it_seems_is_looked_at(images: list[torch.Tensor]) -> None:
    relu = nn.ReLU()
    relu.forward = lambda x: -x.abs()  # type: ignore[method-assign]
    net = nn.Sequential(nn.Conv2d(3, 4, 3), relu, nn.Flatten(), nn.LazyLinear(2)).eval()
    net(images[0][None])
    index = Index.build(net, images, layers=["0", "1"], k=1, progress=False)
    with torch.no_grad():
        true = torch.stack([relu(net[0](x[None]))[0].amax((1, 2)) for x in images]).amax(0)
    assert [index.top("1", channel)[0].activation for channel in range(4)] == pytest.approx(true.tolist(), abs=1e-6)
