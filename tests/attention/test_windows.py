"""Where windows lie: partition, cyclic shift, padding, dilated grids; refusal where places are mixed on the way."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import nbviz
from nbviz.attention.windows import Windows, windows_of
from nbviz.model.target import Target
from nbviz.passes.subject import Subject
from nbviz.replica.guest import Pass
from tests.attention_networks import WIDTH, Fused
from tests.networks import state_hash

SIDE = 8


class Windowed(nn.Module):
    """Attention within 4 × 4 windows of an 8 × 8 grid, shifted or dilated; ``mixes``: through a convolution."""

    def __init__(self, shift: int = 0, dilated: bool = False, mixes: bool = False) -> None:
        super().__init__()
        self.patch, self.norm = nn.Conv2d(3, WIDTH, 2, 2), nn.BatchNorm2d(WIDTH)
        self.mix = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.attention, self.head = Fused(), nn.Linear(WIDTH, 5)
        self.shift, self.dilated, self.mixes = shift, dilated, mixes

    def cut(self, x: Tensor) -> Tensor:
        """(N, C, 8, 8) as (N · 4, 16, C)."""
        x = x.roll((-self.shift, -self.shift), (2, 3))
        x = x.unflatten(2, (4, 2) if self.dilated else (2, 4)).unflatten(4, (4, 2) if self.dilated else (2, 4))
        order = (0, 3, 5, 2, 4, 1) if self.dilated else (0, 2, 4, 3, 5, 1)
        return x.permute(order).reshape(len(x) * 4, 16, -1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.patch(x))
        if self.mixes:
            x = self.patched(x)
        return self.head(self.attention(self.cut(x)).mean(1).unflatten(0, (-1, 4)).mean(1))

    def patched(self, x: Tensor) -> Tensor:
        """The same through a convolution that is no layer of its own."""
        return nn.functional.conv2d(x, self.mix.weight, padding=1)


def found(net: nn.Module, number: int = 0, size: int = 2 * SIDE) -> Windows | None:
    """Windows of an attention block of a network."""
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    model = nbviz.InstrumentedModel(net)
    model.trace(x)
    return windows_of(Subject(model, Pass(net.eval(), x.device), x, Target(0)), number)


@pytest.mark.parametrize(("shift", "dilated"), [(0, False), (2, False), (3, False), (0, True)])
def test_windows_are_found_as_they_are_cut(shift: int, dilated: bool) -> None:
    torch.manual_seed(0)
    net = Windowed(shift, dilated)
    before = state_hash(net.eval())
    windows = found(net)
    assert state_hash(net) == before
    assert windows is not None and windows.grid == (SIDE, SIDE)
    places = torch.arange(SIDE * SIDE).view(1, 1, SIDE, SIDE)
    assert torch.equal(windows.places, net.cut(places)[..., 0])
    assert torch.equal(windows.on_grid(windows.places), places[0, 0])


def test_where_places_are_mixed_on_the_way_nothing_is_told() -> None:
    torch.manual_seed(0)
    assert found(Windowed(mixes=True)) is None


@pytest.mark.parametrize(("size", "padding"), [(32, 0), (24, 28)])
def test_torchvisions_swin(size: int, padding: int) -> None:
    from torchvision.models import SwinTransformer

    torch.manual_seed(0)
    net, side = SwinTransformer([4, 4], 12, [2, 1], [2, 2], [4, 4], num_classes=5), size // 4
    places = nn.functional.pad(torch.arange(side * side).view(side, side) + 1, (0, 8 - side, 0, 8 - side)) - 1
    for number, shift in ((0, 0), (1, 2)):
        windows = found(net, number, size)
        assert windows is not None and windows.grid == (side, side)
        shifted = places.roll((-shift, -shift), (0, 1)).unflatten(0, (2, 4)).unflatten(2, (2, 4))
        assert torch.equal(windows.places, shifted.permute(0, 2, 1, 3).reshape(4, 16))
        assert int((windows.places < 0).sum()) == padding


def test_a_block_cut_like_another_takes_fewer_forwards_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.models import SwinTransformer

    torch.manual_seed(0)
    net = SwinTransformer([4, 4], 12, [4, 1], [2, 2], [4, 4], num_classes=5).eval()
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    counts, places, passes = [], [], list[int]()
    forward = Pass.__call__
    monkeypatch.setattr(Pass, "__call__", lambda run, batch: passes.append(1) or forward(run, batch))
    model = nbviz.InstrumentedModel(net)
    model.trace(x)
    model.layers()  # the tree is made when it is first asked for, by forwards of its own
    for number in (1, 0, 3, 2):
        passes.clear()
        windows = model.guest.steady(lambda run: windows_of(Subject(model, run, x, Target(0)), number))  # noqa: B023
        assert windows is not None
        counts.append(len(passes))
        places.append(windows.places)
    assert torch.equal(places[2], places[0]) and torch.equal(places[3], places[1])
    assert not torch.equal(places[0], places[1])
    assert counts[2:] == [5, 5] and counts[0] == 2 + 7  # numbers to 64 have seven digits


class Beside(nn.Module):
    """Two windowed attentions side by side, none before the other."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Windowed(), Windowed(shift=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) + self.other(x)


def test_attentions_side_by_side_are_not_taken_for_each_other() -> None:
    torch.manual_seed(0)
    net = Beside()
    places = torch.arange(SIDE * SIDE).view(1, 1, SIDE, SIDE)
    for number, part in ((0, net.one), (1, net.other)):
        windows = found(net, number)
        assert windows is not None and torch.equal(windows.places, part.cut(places)[..., 0])
