"""Edits against closed forms: what each does to a pixel, a channel, a score."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.edits import TRANSFORMS, Attack, Channels, Paint, Transform
from nbviz.errors import NbvizError
from tests.edits.test_laws import SIZE, left_half, model, network, picture


def linear(weights: torch.Tensor) -> nbviz.InstrumentedModel:
    """Scores that are a weighted sum of the pixels, float64."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(weights[0].numel(), len(weights), bias=False)).double()
    with torch.no_grad():
        net[1].weight.copy_(weights.flatten(1))
    return nbviz.InstrumentedModel(net)


@pytest.mark.parametrize(("side", "share"), [(10, "1 %"), (20, "0.2 %"), (100, "under 0.1 %")])
def test_a_stroke_of_one_pixel_is_not_said_to_paint_nothing(side: int, share: str) -> None:
    mask = np.zeros((side, side), bool)
    assert Paint(mask).words == "painted 0 % with blur"
    mask[1, 1] = True
    assert Paint(mask).words == f"painted {share} with blur"


def test_painted_pixels_are_the_fill_and_others_stay() -> None:
    plain = model()
    before = plain.input(picture())
    after = plain.edited(Paint(left_half(), "mean")).input(picture())
    half = SIZE // 2
    assert torch.equal(after[..., half:], before[..., half:])
    torch.testing.assert_close(after[..., :half], before.mean((2, 3), keepdim=True).expand_as(before)[..., :half])
    kept = plain.edited(Paint(left_half(), "gray", keep=True)).input(picture())
    assert torch.equal(kept[..., :half], before[..., :half])
    torch.testing.assert_close(kept[..., half:], torch.zeros_like(before[..., half:]))  # (0.5 − 0.5)/0.25


def off(maps: torch.Tensor, *channels: int, to: float | torch.Tensor = 0.0) -> torch.Tensor:
    changed = maps.clone()
    for channel in channels:
        changed[:, channel] = to
    return changed


def scaled(maps: torch.Tensor) -> torch.Tensor:
    return torch.cat([maps[:, :1] * -3.0, maps[:, 1:]], 1)


def clamped(maps: torch.Tensor) -> torch.Tensor:
    return torch.cat([maps[:, :1].clamp(0.1, 0.2), maps[:, 1:]], 1)


@pytest.mark.parametrize(("edit", "act"), [
    (Channels("3", off=[2]), lambda maps: off(maps, 2)),
    (Channels("3", only=[1]), lambda maps: off(maps, 0, 2, 3, 4, 5, 6, 7)),
    (Channels("3", off=[2], fill="mean"), lambda maps: off(maps, 2, to=maps[:, 2].mean((1, 2), keepdim=True))),
    (Channels("3", off=[2], fill=[0.5] * 8), lambda maps: off(maps, 2, to=0.5)),
    (Channels("3", scale={0: -3.0}), scaled),
    (Channels("3", clamp={0: (0.1, 0.2)}), clamped),
], ids=lambda value: value.words if isinstance(value, Channels) else "")  # fmt: skip
def test_channels_are_edited_as_written_by_hand(edit: Channels, act: object) -> None:
    net = network().eval()
    plain = nbviz.InstrumentedModel(net, model().transform)
    x = plain.input(picture())
    with torch.no_grad():
        by_hand = net[4:](act(net[:4](x)))  # type: ignore[operator]
    np.testing.assert_array_equal(plain.edited(edit).logits(picture()), by_hand[0].numpy())
    with plain.edited(edit).capture("3") as outputs:
        plain.edited(edit)(x)
    assert not outputs  # another model's recorder
    edited = plain.edited(edit)
    with edited.capture("3") as outputs:
        edited(x)
    torch.testing.assert_close(outputs["3"], act(net[:4](x)).detach())  # type: ignore[operator]


def test_a_call_of_a_module_is_edited_alone() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.twice = nn.Conv2d(1, 1, 1, bias=False)
            nn.init.constant_(self.twice.weight, 2.0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.twice(self.twice(x) + 1).mean((2, 3)).expand(-1, 2)

    model_, x = nbviz.InstrumentedModel(Twice().double()), torch.ones(1, 1, 8, 8, dtype=torch.float64)
    assert float(model_(x)[0, 0]) == 6.0
    assert float(model_.edited(Channels("twice#1", off=[0]))(x)[0, 0]) == 2.0
    assert float(model_.edited(Channels("twice#2", off=[0]))(x)[0, 0]) == 0.0
    assert float(model_.edited(Channels("twice", scale={0: 2.0}))(x)[0, 0]) == 12.0  # the last call


def test_fgsm_on_a_linear_network_is_the_sign_of_its_weights() -> None:
    weights = torch.stack([torch.linspace(-1, 1, 48), torch.linspace(1, -1, 48)]).view(2, 3, 4, 4).double()
    x = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64) + 0.1 * weights[:1]
    attacked = Attack("fgsm", 2.0).run(x, linear(weights)).exact
    torch.testing.assert_close(attacked, x - 2 / 255 * torch.sign(weights[:1] - weights[1:]))


def test_an_l2_attack_moves_by_its_size_along_the_gradient() -> None:
    weights = torch.stack([torch.linspace(-1, 1, 48), torch.linspace(1, -1, 48)]).view(2, 3, 4, 4).double()
    x = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64) + 0.1 * weights[:1]
    change = Attack("pgd", 3.0, norm="l2").run(x, linear(weights)).exact - x
    torch.testing.assert_close(change.norm(), torch.tensor(3 / 255, dtype=torch.float64))
    direction = weights[1] - weights[0]
    torch.testing.assert_close(change[0] / change.norm(), direction / direction.norm())


def test_an_attacked_picture_is_what_an_8_bit_file_holds() -> None:
    plain = model()
    made = nbviz.attack(plain, picture(), size=4.0)
    array = np.asarray(made.picture).astype(int)
    assert np.abs(array - picture().astype(int)).max() <= 4
    assert plain.predict(made.picture) == made.after
    assert made.largest <= 4.001


def test_a_full_turn_in_quarters_moves_pixels_exactly() -> None:
    plain = model()
    before = plain.input(picture())
    quarter = plain.edited(Transform("rotate", 90)).input(picture())
    torch.testing.assert_close(quarter, before.rot90(1, (2, 3)), atol=1e-4, rtol=0)
    shifted = plain.edited(Transform("shift_right", 3)).input(picture())
    torch.testing.assert_close(shifted[..., 3:], before[..., :-3], atol=1e-4, rtol=0)
    down = plain.edited(Transform("shift_down", 5)).input(picture())
    torch.testing.assert_close(down[..., 5:, :], before[..., :-5, :], atol=1e-4, rtol=0)


def test_colours_change_as_written() -> None:
    plain, colours = model(), torch.from_numpy(picture()).permute(2, 0, 1)[None].double() / 255

    def after(kind: str, amount: float) -> torch.Tensor:
        return plain.edited(Transform(kind, amount)).input(picture()).double() * 0.25 + 0.5

    luma = (colours * torch.tensor([0.299, 0.587, 0.114]).double().view(3, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(after("brightness", 0.5), colours * 0.5, atol=1e-5, rtol=0)
    torch.testing.assert_close(after("saturation", 0.0), luma.expand(-1, 3, -1, -1), atol=1e-5, rtol=0)
    torch.testing.assert_close(after("contrast", 0.0), luma.mean().expand_as(colours), atol=1e-5, rtol=0)


class Holder(nn.Module):
    """A convolution whose maps are put out within an object."""

    def __init__(self, hold: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.maps, self.hold = nn.Conv2d(3, 4, 3), hold

    def forward(self, x: torch.Tensor) -> object:
        return self.hold(self.maps(x))


def test_an_output_that_nothing_can_be_put_into_is_refused_and_not_left_as_it_is() -> None:
    for hold in (lambda maps: UserDict(maps=maps), lambda maps: (UserDict(maps=maps), maps + 1)):
        outer = nn.Sequential(Holder(hold), Reading(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
        held = nbviz.InstrumentedModel(outer)
        held.trace(torch.rand(1, 3, 12, 12))
        with pytest.raises(NbvizError, match="whose tensors can't be replaced: edit a layer below"):
            held.edited(Channels("0", off=[1]))(torch.rand(1, 3, 12, 12))
        below = held.edited(Channels("0.maps", off=[1]))
        assert not torch.equal(below(torch.ones(1, 3, 12, 12)), held(torch.ones(1, 3, 12, 12)))


class Reading(nn.Module):
    """Reads the maps out of that object."""

    def forward(self, held: Any) -> torch.Tensor:
        maps: torch.Tensor = (held[0] if isinstance(held, tuple) else held)["maps"]
        return maps


def test_an_amount_is_written_with_its_unit() -> None:
    amounts = {"rotate": -18.0, "blur": 6.0, "contrast": 0.5, "noise": 20.0, "flip": 1.0}
    figures = [TRANSFORMS[name].figure(amount) for name, amount in amounts.items()]
    assert figures == ["−18°", "6 px", "× 0.5", "20 grey levels", "1"]
