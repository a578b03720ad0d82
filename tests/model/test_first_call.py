"""Which pictures a network takes is told by the first layer it calls, wherever that is defined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from nbviz import InstrumentedModel, attribute
from nbviz.errors import NbvizError
from tests.networks import picture


class Trunk(nn.Module):
    """A head defined before its trunk, and what becomes of the picture before the first layer."""

    def __init__(self, channels: int, head: int = 8, before: Callable[..., torch.Tensor] = torch.clone) -> None:
        super().__init__()
        self.head = nn.Linear(head, 3)
        self.before = before
        self.conv = nn.Conv2d(channels, head, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(self.before(x)).relu().mean((2, 3)))


class Functional(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, channels, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight).mean((2, 3))


class Product(nn.Module):
    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(numbers, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.weight


class Positions(nn.Module):
    """Computes with positions and queries of its own before it meets the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.queries = nn.Embedding(5, 8)
        self.positions = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 8))
        self.conv = nn.Conv2d(channels, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        places = self.positions(torch.rand(7, 2)).mean(0) + self.queries(torch.arange(5)).mean(0)
        return self.conv(x.sub_(0.5)).mean((2, 3)) + places


def _coordinates(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1]), torch.ones_like(x[:, :1])], 1)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("head", [8, 64, 256, 3 * 16 * 16])
def test_a_head_defined_first_says_nothing_of_the_pictures(channels: int, head: int) -> None:
    model = InstrumentedModel(Trunk(channels, head))
    assert model.transform.channels == channels
    assert model.trace().root.shape == (3,) and model._shape == (channels, 224, 224)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_channels_are_told_through_what_is_done_before_the_first_layer(channels: int) -> None:
    unshuffled = Trunk(16 * channels, before=nn.PixelUnshuffle(4))
    assert InstrumentedModel(unshuffled).transform.channels == channels
    assert InstrumentedModel(Trunk(channels + 2, before=_coordinates)).transform.channels == channels
    normed = nn.Sequential(nn.BatchNorm2d(channels), nn.Conv2d(channels, 4, 3), nn.AdaptiveAvgPool2d(1))
    assert InstrumentedModel(normed).transform.channels == channels
    assert InstrumentedModel(Positions(channels)).transform.channels == channels


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_layer_need_not_be_a_module(channels: int) -> None:
    assert InstrumentedModel(Functional(channels)).transform.channels == channels


@pytest.mark.parametrize(("numbers", "shape"), [(784, (1, 28, 28)), (3072, (3, 32, 32)), (3 * 22 * 22, (3, 22, 22))])
def test_a_flattened_picture_tells_its_size(numbers: int, shape: tuple[int, ...]) -> None:
    for net in (Product(numbers), nn.Sequential(nn.Flatten(), nn.Linear(numbers, 4))):
        model = InstrumentedModel(net)
        model.trace()
        assert model._shape == shape


def test_the_channels_hold_where_a_transform_is_given() -> None:
    def gray(picture: Any) -> torch.Tensor:
        assert picture.mode == "L"
        return torch.rand(1, 16, 16)

    assert InstrumentedModel(Trunk(1, 64), transform=gray).input(Image.new("RGB", (9, 9))).shape == (1, 1, 16, 16)


def test_ready_tensors_ask_for_no_first_layer() -> None:
    net = Trunk(3)
    calls: list[tuple[int, ...]] = []
    net.before = lambda x: (calls.append(tuple(x.shape)), x)[1]
    InstrumentedModel(net).input(torch.rand(1, 3, 40, 30))
    assert not calls


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (nn.Sequential(nn.Conv3d(1, 4, 3), nn.AdaptiveAvgPool3d(1), nn.Flatten()), "takes volumes or videos"),
        (nn.Sequential(nn.Conv3d(3, 4, 1), nn.AdaptiveAvgPool3d(1)), "takes volumes or videos"),
        (nn.Sequential(nn.Conv1d(1, 4, 3), nn.AdaptiveAvgPool1d(1)), "takes sequences"),
        (nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2)), "takes the numbers of tokens"),
    ],
)
def test_other_data_than_pictures_is_named(net: nn.Module, words: str) -> None:
    with pytest.raises(NbvizError, match=f"{words}.*wrap it in a module"):
        InstrumentedModel(net).layers()
    with pytest.raises(NbvizError, match=f"{words}.*wrap it in a module"):
        InstrumentedModel(net).predict(picture())


def test_a_tensor_is_explained_and_drawn_without_a_forward_for_the_first_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object) -> None:
        raise AssertionError("the network was run up to its first layer")

    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    model = InstrumentedModel(net)
    wanted = model.transform.seen(x)
    monkeypatch.setattr("nbviz.model.inputs.input_size.first_call", never)
    found = attribute(net, x, 1, "saliency")
    assert (found.picture == wanted).all() and found.picture.shape == (8, 8, 3)


def test_a_transform_is_probed_once_for_all_tensors() -> None:
    calls = []

    def transform(image: Image.Image) -> torch.Tensor:
        calls.append(image.size)
        return torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(image.getpixel((0, 0))[0]))

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 36, 3)).eval()
    model, x = InstrumentedModel(net, transform=transform), torch.rand(1, 3, 8, 8)
    attribute(model, x, 1, "saliency")
    asked = len(calls)
    attribute(model, x.flip(3), 1, "saliency")
    assert 0 < asked == len(calls)


class Reshaped(nn.Module):
    """Reshapes by a number of its own, as lessons write it, and so cuts a larger picture into rows."""

    def __init__(self, channels: int, side: int, pooled: int) -> None:
        super().__init__()
        self.pooled, self.numbers = pooled, channels * (side // 2**pooled) ** 2
        self.convs = nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(pooled)))
        self.hidden, self.head = nn.Linear(self.numbers, 6), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for conv in self.convs:
            x = F.max_pool2d(conv(x).relu(), 2)
        return self.head(self.hidden(x.view(-1, self.numbers)).relu())


@pytest.mark.parametrize(("channels", "side", "pooled"), [(1, 28, 0), (3, 32, 0), (1, 28, 2), (3, 32, 3), (3, 64, 2)])
def test_a_picture_is_of_the_size_that_a_reshape_does_not_cut_up(channels: int, side: int, pooled: int) -> None:
    net = Reshaped(channels, side, pooled).eval()
    model = InstrumentedModel(net)
    x = model.input(Image.new("RGB", (50, 50), (200, 30, 60)))
    assert x.shape == (1, channels, side, side)
    with torch.no_grad():
        assert torch.equal(model(x), net(x)) and len(model.predict(x)) == 4


def test_rows_of_a_picture_that_was_cut_up_are_no_classes() -> None:
    net = Reshaped(3, 32, 3)
    with pytest.raises(NbvizError, match=r"4 rows, shape \(4, 4\), for one picture.*x.view.*transform="):
        InstrumentedModel(net).predict(torch.rand(1, 3, 64, 64))
    with pytest.raises(NbvizError, match="9 rows"):
        InstrumentedModel(net, transform=lambda image: torch.rand(3, 96, 96)).predict(Image.new("RGB", (9, 9)))


def test_patches_as_rows_are_put_together_again_and_no_pictures() -> None:
    class Patches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head = nn.Linear(3 * 8 * 8, 6), nn.Linear(6, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = F.unfold(x, 8, stride=8).transpose(1, 2).reshape(-1, 192)
            return self.head(self.embed(rows).view(len(x), -1, 6).mean(1))

    model = InstrumentedModel(Patches())
    model.trace()
    assert model._shape == (3, 224, 224)


def test_a_linear_layer_of_no_square_picture_has_no_channels_of_its_own() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(28 * 32, 4))
    sized = InstrumentedModel(net, transform=lambda image: torch.rand(1, 28, 32))
    assert len(sized.predict(Image.new("RGB", (9, 9)))) == 4
    with pytest.raises(NbvizError, match=r"usual square inputs.*896x4.*transform="):
        InstrumentedModel(net).predict(Image.new("RGB", (9, 9)))


def test_channels_that_come_last_are_named() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x.permute(0, 3, 1, 2)).mean((2, 3))

    with pytest.raises(NbvizError, match=r"channels come last, x.permute\(0, 2, 3, 1\).*wrap it"):
        InstrumentedModel(Last()).predict(Image.new("RGB", (9, 9)))


def test_a_network_that_looks_up_a_picture_s_values_has_layers() -> None:
    class LookUp(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(256, 6), nn.Linear(6, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.table((x * 255).long().flatten(1)).mean(1))

    assert InstrumentedModel(LookUp()).layer("head").shape == (3,)
