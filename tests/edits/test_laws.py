"""Laws of every edit: hashable values, nothing where nothing is asked for, and never a trace on the user's network."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.edits import EDITS, TRANSFORMS, Attack, Channels, Draw, Heads, Mask, Paint, Transform
from nbviz.errors import NbvizError
from nbviz.model.edit import Edit, Editable, PictureEdit
from nbviz.pictures.load import as_picture
from tests.networks import state_hash

SIZE = 24


class Attention(nn.Module):
    """4 × 4 places of a map (N, 8, H, W) attend to each other by two heads, each with half of the channels."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        coarse = nn.functional.adaptive_avg_pool2d(maps.relu(), 4)
        places = coarse.flatten(2).unflatten(1, (2, -1)).transpose(2, 3)
        mixed = nn.functional.scaled_dot_product_attention(places, places, places)
        return coarse + mixed.transpose(2, 3).flatten(1, 2).reshape(coarse.shape)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Conv2d(6, 8, 3, stride=2),
        Attention(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)


def to_tensor(image: object) -> torch.Tensor:
    return (torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255 - 0.5) / 0.25


def model(net: nn.Module | None = None) -> nbviz.InstrumentedModel:
    return nbviz.InstrumentedModel(network() if net is None else net, to_tensor)


def left_half() -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:, : SIZE // 2] = True
    return mask


def mirrored(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def same(image: Image.Image) -> Image.Image:
    return image


SOME: dict[str, Callable[[], Edit]] = {
    "Paint": lambda: Paint(left_half()),
    "Channels": lambda: Channels("3", off=[2, 5], scale={1: 2.0}, clamp={0: (0.0, None)}),
    "Heads": lambda: Heads("4", off=[1], of=2),
    "Transform": lambda: Transform("rotate", 15),
    "Draw": lambda: Draw(mirrored, 2),
    "Attack": lambda: Attack("pgd", 2.0),
}
NOTHING: dict[str, Callable[[], Edit]] = {
    "Paint": lambda: Paint(np.zeros((SIZE, SIZE), bool)),
    "Channels": lambda: Channels("3"),
    "Heads": lambda: Heads("4", of=2),
    "Transform": lambda: Transform("rotate", 0),
    "Draw": lambda: Draw(same, 2),
    "Attack": lambda: Attack("pgd", 0),
}


def test_every_kind_of_edit_is_tried_here() -> None:
    assert (
        set(SOME) == set(NOTHING) == {name for name, kind in EDITS.items() if kind.make.__module__.startswith("nbviz.")}
    )


@pytest.mark.parametrize("name", SOME)
def test_equal_edits_are_one_value(name: str) -> None:
    one, other = SOME[name](), SOME[name]()
    assert one == other and hash(one) == hash(other)
    assert one != NOTHING[name]()
    assert one.words and repr(one)


@pytest.mark.parametrize("name", SOME)
def test_an_edit_changes_something_and_the_empty_one_nothing(name: str) -> None:
    plain = model()
    before = plain.logits(picture())
    assert not np.array_equal(plain.edited(SOME[name]()).logits(picture()), before)
    np.testing.assert_array_equal(plain.edited(NOTHING[name]()).logits(picture()), before)
    np.testing.assert_array_equal(plain.edited().logits(picture()), before)
    np.testing.assert_array_equal(plain.logits(picture()), before)  # and leaves the model without edits alone


@pytest.mark.parametrize("name", SOME)
def test_the_network_is_left_as_it_was(name: str) -> None:
    net = network().train()
    before = state_hash(net)
    edited = model(net).edited(SOME[name]())
    edited.predict(picture())
    nbviz.attribute(edited, picture(), method="saliency")
    assert state_hash(net) == before
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


@pytest.mark.parametrize("name", SOME)
def test_edits_follow_the_network_they_are_made_on(name: str) -> None:
    net = network()
    edited = model(net).edited(SOME[name]())
    edited.logits(picture())
    with torch.no_grad():
        net[7].weight.neg_()
    again = model(net).edited(SOME[name]())
    np.testing.assert_array_equal(edited.logits(picture()), again.logits(picture()))


def test_edits_are_made_in_order() -> None:
    dark, turned = Transform("brightness", 0.5), Paint(left_half(), "gray")
    one, other = model().edited(dark, turned), model().edited(turned, dark)
    assert not torch.equal(one.input(picture()), other.input(picture()))
    assert one.edits == model().edited(dark).edited(turned).edits


def test_an_attack_asks_the_network_as_the_edits_before_it_left_it() -> None:
    off, attack = Channels("3", off=range(6)), Attack("fgsm", 8.0)
    plain = model()
    after = plain.edited(off, attack).input(picture())
    np.testing.assert_array_equal(after.numpy(), attack.apply(plain.input(picture()), plain.edited(off)).numpy())
    assert not torch.equal(after, plain.edited(attack, off).input(picture()))


@dataclass(frozen=True)
class Careless(PictureEdit):
    """Writes to the input that it is given, and counts how often it is asked."""

    asked: ClassVar[list[int]] = []

    def apply(self, x: torch.Tensor, model: Editable) -> torch.Tensor:
        self.asked.append(1)
        return x.mul_(0.5)


def test_edits_in_common_are_made_once_and_one_that_writes_to_its_input_spoils_no_other() -> None:
    plain = model()
    before = plain.input(picture()).clone()
    Careless.asked.clear()
    half = plain.edited(Careless()).input(picture())
    for amount in (3, 5, 7):
        turned = Transform("rotate", amount)
        found = plain.edited(Careless(), turned).input(picture())
        assert torch.equal(found, turned.apply(before * 0.5, plain))
    assert len(Careless.asked) == 1 and torch.equal(half, before * 0.5)
    assert torch.equal(plain.edited(Transform("rotate", 0), Careless(), Careless()).input(picture()), before * 0.25)
    assert torch.equal(plain.input(picture()), before)


class Rounding(nn.Module):
    """Network with no path for gradients, or one of zeros."""

    def __init__(self, no_grad: bool = False) -> None:
        super().__init__()
        self.net, self.no_grad = network(), no_grad

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.no_grad):
            return self.net((10 * x).round())


class Overwriting(nn.Module):
    """Network whose forward writes to what its own backward needs."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.one(x)
        x += self.two(x)
        return self.head(x.mean((2, 3)))


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(network().eval(), {nn.Linear}, dtype=torch.qint8)


BAD: list[Callable[[], object]] = [
    lambda: Paint(left_half(), "plaid"),
    lambda: Paint(np.zeros((2, 2, 2))),
    lambda: model().edited(Paint(np.ones((4, 4)))).input(picture()),
    lambda: model().edited(Channels("conv9", off=[1])),
    lambda: model().edited(Channels("3", off=[8])),
    lambda: model().edited(Channels("3", off=[-1])),
    lambda: Channels("3", off=17),
    lambda: Channels("3", off=[1.5]),
    lambda: Channels("3", scale={1: float("nan")}),
    lambda: Channels("3", clamp={1: (2.0, 1.0)}),
    lambda: Channels("3", fill="median"),
    lambda: model().edited(Channels("6", off=[1], fill="mean")),  # one value a channel, its own mean
    lambda: model().edited(Channels("3", off=[1], fill=(1.0, 2.0))),
    lambda: Transform("twirl", 1),
    lambda: Transform("rotate", 1000),
    lambda: Transform("rotate", float("nan")),
    lambda: Transform("rotate", np.ones(2)),
    lambda: Attack(size=np.ones(2)),
    lambda: Channels("3", clamp={1: ("low", 2)}),
    lambda: Channels("3", clamp={1: (0, 1, 2)}),
    lambda: Channels("3", fill=3),
    lambda: Heads("3", off=3),
    lambda: Attack("cw"),
    lambda: Attack(size=-1),
    lambda: Attack(size=float("nan")),
    lambda: Attack(steps=0),
    lambda: Attack(norm="l7"),
    lambda: Attack(size=10**400),
    lambda: Attack(into=[2]),
    lambda: Attack(into=2.5),
    lambda: Attack(seed=1.5),
    lambda: Attack("noise", seed=2**70),
    lambda: Attack(random_start=[]),
    lambda: Paint(left_half(), keep="no"),
    lambda: Paint(left_half(), np.ones(3)),
    lambda: model().edited(Draw(lambda image: image.crop((0, 0, 0, 0)))).input(picture()),
    lambda: nbviz.attack(Overwriting(), torch.rand(3, SIZE, SIZE)),
    lambda: nbviz.attribute(Overwriting(), torch.rand(3, SIZE, SIZE), method="saliency"),
    lambda: nbviz.attack(model(), picture(), into=99),
    lambda: nbviz.attack(model(), picture(), into=model().predict(picture())[0][1]),
    lambda: model().edited(Paint(left_half(), as_picture(picture()))).input(picture()),
    lambda: Paint(np.full((SIZE, SIZE), np.nan)),
    lambda: nbviz.attack(Rounding(), torch.rand(3, SIZE, SIZE)),
    lambda: nbviz.attack(Rounding(no_grad=True), torch.rand(3, SIZE, SIZE)),
    lambda: nbviz.attack(quantised(), torch.rand(3, SIZE, SIZE)),
    lambda: nbviz.attack(nn.Sequential(nn.Flatten(), nn.Linear(320, 3)), torch.rand(5, 8, 8)),
    lambda: model().edited("blur"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_what_cannot_be_is_refused_in_a_sentence(bad: Callable[[], object]) -> None:
    with pytest.raises(NbvizError, match=r"\w+ \w+"):
        bad()


def test_a_mask_is_the_pixels_it_was_made_of() -> None:
    pixels = np.random.default_rng(1).random((7, 5)) > 0.5
    mask = Mask.of(pixels)
    np.testing.assert_array_equal(mask.pixels, pixels)
    assert mask.share == pixels.mean()
    np.testing.assert_array_equal(Mask.box((7, 5), 1, 2, 3, 9).pixels, np.pad(np.ones((2, 3), bool), ((1, 4), (2, 0))))


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_a_transformation_keeps_shape_and_range_and_by_its_neutral_amount_every_bit(kind: str) -> None:
    plain, about = model(), TRANSFORMS[kind]
    before = plain.input(picture())
    for amount in (about.low, about.high):
        after = plain.edited(Transform(kind, amount)).input(picture())
        assert after.shape == before.shape and after.dtype == before.dtype
        assert (
            -2 - 1e-4 <= float(after.min()) and float(after.max()) <= 2 + 1e-4
        )  # black and white, as the network sees them
    assert torch.equal(plain.edited(Transform(kind, about.neutral)).input(picture()), before)
