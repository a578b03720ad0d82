"""From picture to tensor and back: where it is read from, that it is as elsewhere, that it inverts."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nbviz.errors import NbvizError
from nbviz.pictures.eval_transform import EvalTransform
from nbviz.pictures.load import load_pictures
from nbviz.pictures.preprocessing import GUESSED_SIZES, Preprocessing
from nbviz.replica.torchvision_import import torchvision

torchvision()
timm = pytest.importorskip("timm")

from torchvision import transforms as v1  # noqa: E402
from torchvision.models import ResNet18_Weights  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
TO_TENSOR = (v2.ToImage(), v2.ToDtype(torch.float32, scale=True))


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(small)


def network(channels: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def given(*steps: Any, channels: int = 3) -> Preprocessing:
    return Preprocessing.ensure(v2.Compose(steps), network(channels))


PICTURES = [noise(300, 451), noise(451, 300, 1), noise(224, 224, 2), noise(40, 33, 3), noise(517, 901, 4)]


@pytest.mark.parametrize("image", PICTURES, ids=lambda image: str(image.size))
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("crop", [224, 37])
def test_the_recipe_is_torchvisions_to_the_bit(image: Image.Image, mode: str, crop: int) -> None:
    size = int(crop / 0.875)
    # v2 multiplies by 1/255 instead, which differs in the last bit.
    steps = [v1.Resize(size, interpolation=v1.InterpolationMode(mode)), v1.CenterCrop(crop)]
    theirs = v1.Compose([*steps, v1.ToTensor(), v1.Normalize(MEAN, STD)])
    ours = EvalTransform((crop, crop), (size, size), tuple(MEAN), tuple(STD), mode)
    torch.testing.assert_close(ours(image), theirs(image), rtol=0, atol=0)


@pytest.mark.parametrize("image", PICTURES, ids=lambda image: str(image.size))
@pytest.mark.parametrize(
    ("size", "mode"),
    [((224, 224), "center"), ((224, 224), "squash"), ((224, 224), "border"), ((160, 320), "center")],
)
def test_timms_configuration_is_read_as_timm_reads_it(image: Image.Image, size: tuple[int, int], mode: str) -> None:
    net = timm.create_model("resnet18", pretrained=False)
    net.pretrained_cfg = {**net.pretrained_cfg, "input_size": (3, *size), "crop_mode": mode, "crop_pct": 0.9}
    theirs = timm.data.create_transform(**timm.data.resolve_model_data_config(net))
    ours = Preprocessing.ensure(None, net)
    assert ours.source == "timm" and ours.size == size and not ours.guessed
    torch.testing.assert_close(ours(image), theirs(image)[None], rtol=0, atol=1e-6)


def test_a_timm_network_of_another_size_is_shown_that_size() -> None:
    net = timm.create_model("vit_tiny_patch16_224", pretrained=False, img_size=96)
    assert Preprocessing.ensure(None, net)(noise(300, 200)).shape == (1, 3, 96, 96)
    assert Preprocessing.ensure(None, timm.create_model("resnet18", in_chans=1))(noise(9, 9)).shape[1] == 1


@pytest.mark.parametrize("carried", [ResNet18_Weights.DEFAULT, ResNet18_Weights.DEFAULT.transforms()])
def test_torchvisions_weights_say_what_they_want(carried: Any) -> None:
    preprocessing = Preprocessing.ensure(carried, network())
    assert preprocessing.source == "torchvision weights" and preprocessing.size == (224, 224)
    image = PICTURES[0]
    torch.testing.assert_close(preprocessing(image)[0], ResNet18_Weights.DEFAULT.transforms()(image))
    net = network()
    net.weights = carried
    assert Preprocessing.ensure(None, nn.DataParallel(net))(image).equal(preprocessing(image))


def test_what_a_network_carries_is_used_and_given_transforms_come_first() -> None:
    net = network()
    net.nbviz_preprocessing = Preprocessing.from_recipe(EvalTransform((8, 8), (8, 8)), "the network")
    assert Preprocessing.ensure(None, net) is net.nbviz_preprocessing
    assert Preprocessing.ensure(None, net).sentence == "preprocessing from the network"
    assert Preprocessing.ensure(v2.Compose(TO_TENSOR), net).source == "transform="
    assert Preprocessing.ensure(net.nbviz_preprocessing, network()) is net.nbviz_preprocessing


def test_every_pixel_value_comes_back_exactly() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colours = np.stack([values, values.T, 255 - values], axis=2)
    image = Image.fromarray(colours)
    own = Preprocessing.from_recipe(EvalTransform((16, 16), (16, 16), tuple(MEAN), tuple(STD)), "the network")
    bgr = v2.Lambda(lambda tensor: tensor.flip(0) * 255 - 100)
    for preprocessing in (
        own,
        given(*TO_TENSOR),
        given(*TO_TENSOR, v2.Normalize(MEAN, STD)),
        given(*TO_TENSOR, v2.Compose([v2.Normalize(MEAN, STD), v2.Normalize([1, 2, 3], [3, 2, 1])])),
        given(*TO_TENSOR, bgr),
        Preprocessing.ensure(lambda pil: torch.from_numpy(np.array(pil)).permute(2, 0, 1).float(), network()),
    ):
        tensor = preprocessing(image)
        np.testing.assert_array_equal(preprocessing.seen(tensor), colours)
        assert preprocessing.seen_note(tensor) == "" and not preprocessing.guessed


def test_gray_networks_get_gray_pictures_and_show_them() -> None:
    image = noise(28, 28)
    gray = np.asarray(image.convert("L"))
    guessed = Preprocessing.ensure(None, network(1)).with_size(28, 28)
    mnist = given(*TO_TENSOR, v2.Normalize([0.1307], [0.3081]), channels=1)
    asked = given(v2.Grayscale(), *TO_TENSOR, channels=1)
    for preprocessing in (guessed, mnist, asked):
        tensor = preprocessing(image)
        assert tensor.shape == (1, 1, 28, 28)
        np.testing.assert_array_equal(preprocessing.seen(tensor), np.repeat(gray[..., None], 3, 2))
    three_grays = given(v2.Grayscale(3), *TO_TENSOR)
    np.testing.assert_array_equal(three_grays.seen(three_grays(image))[..., 0], gray)


def test_what_has_no_way_back_is_drawn_by_range_and_says_so() -> None:
    def contrast(pil: Image.Image) -> torch.Tensor:
        values = torch.from_numpy(np.array(pil)).permute(2, 0, 1).double()
        return (values - values.mean()) / values.std()

    for transform in (contrast, lambda pil: contrast(pil).sigmoid()):
        preprocessing = Preprocessing.ensure(transform, network())
        tensor = preprocessing(PICTURES[0])
        seen = preprocessing.seen(tensor)
        assert seen.dtype == np.uint8 and seen.shape == (300, 451, 3)
        assert "by range" in preprocessing.seen_note(tensor)
    gamma = Preprocessing.ensure(lambda pil: v2.Compose(TO_TENSOR)(pil) ** 2.2, network())
    assert "0…1" in gamma.seen_note(gamma(PICTURES[0]))


def test_tensors_pass_through_and_are_shown_as_far_as_they_fit() -> None:
    preprocessing = given(*TO_TENSOR, v2.Normalize(MEAN, STD))
    tensor = torch.randn(3, 8, 6) * 9
    assert preprocessing(tensor).equal(tensor[None])
    assert preprocessing(next(iter(load_pictures(tensor).values()))).equal(tensor[None])
    assert preprocessing(tensor.double()).dtype == torch.float64
    assert "by range" in preprocessing.seen_note(tensor)
    assert preprocessing.seen(tensor).shape == (8, 6, 3)
    assert (preprocessing.seen(torch.zeros(1, 3, 2, 2)) == np.round(np.array(MEAN) * 255)).all()
    assert "mean of 5 channels" in preprocessing.seen_note(torch.randn(1, 5, 4, 4))


@pytest.mark.parametrize("like", [torch.zeros(1, 3, 5, 7), torch.zeros(2, 3, 5, 7, dtype=torch.float64)])
def test_black_is_a_black_picture_and_not_zero(like: torch.Tensor) -> None:
    wanted = torch.tensor([-m / s for m, s in zip(MEAN, STD, strict=True)], dtype=like.dtype)
    for preprocessing in (
        given(*TO_TENSOR, v2.Normalize(MEAN, STD)),
        Preprocessing.from_recipe(EvalTransform((5, 7), (5, 7), tuple(MEAN), tuple(STD)), "the network"),
    ):
        black = preprocessing.black(like)
        assert black.shape == like.shape and black.dtype == like.dtype
        torch.testing.assert_close(black[0, :, 2, 3], wanted, rtol=1e-6, atol=1e-6)
        red = preprocessing.constant(like, (1, 0, 0))[0, :, 0, 0]
        torch.testing.assert_close(red - wanted, torch.tensor([1 / STD[0], 0, 0]).to(like), rtol=1e-6, atol=1e-6)


def test_black_is_had_without_known_colours_too() -> None:
    gamma = Preprocessing.ensure(lambda pil: v2.Compose(TO_TENSOR)(pil) ** 2.2 - 1, network())
    assert (gamma.black(torch.zeros(1, 3, 4, 6)) == -1).all()
    assert (Preprocessing.ensure(None, network(5)).black(torch.ones(1, 5, 4, 6)) == 0).all()


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (lambda pil: pil, "gave a picture"),
        (lambda pil: np.zeros((3, 4, 4)), "gave a ndarray"),
        (v2.PILToTensor(), "gave a tensor of uint8"),
        (lambda pil: torch.full((3, 4, 4), float("nan")), "NaN"),
        (lambda pil: torch.zeros(4, 4), "shape (4, 4)"),
        (lambda pil: torch.zeros(2, 3, 4, 4), "shape (2, 3, 4, 4)"),
        (lambda pil: pil.nothing, "AttributeError"),
    ],
)
def test_a_transform_that_gives_something_else_is_told(transform: Any, words: str) -> None:
    preprocessing = Preprocessing.ensure(transform, network())
    with pytest.raises(NbvizError, match="transform= ") as caught:
        preprocessing(PICTURES[3])
    assert words in str(caught.value)


@pytest.mark.parametrize("value", ["imagenet", 7, {"mean": 1}, ResNet18_Weights])
def test_what_is_no_transform_is_refused_with_its_value(value: Any) -> None:
    if value is ResNet18_Weights:
        with pytest.raises(NbvizError):
            Preprocessing.ensure(value, network())(PICTURES[3])
    else:
        with pytest.raises(NbvizError, match="transform= got") as caught:
            Preprocessing.ensure(value, network())
        assert repr(value) in str(caught.value)


def test_a_guess_says_that_it_is_one() -> None:
    guess = Preprocessing.ensure(None, network())
    assert guess.guessed and guess.size == (224, 224)
    assert guess.sentence == "preprocessing guessed: 0…1 range. Pass transform= to be sure."
    tensor = guess(PICTURES[0])
    assert tensor.shape == (1, 3, 224, 224) and tensor.min() >= 0 and tensor.max() <= 1
    for size in GUESSED_SIZES:
        assert guess.with_size(size, size)(PICTURES[3]).shape == (1, 3, size, size)
    assert guess.with_size(20, 44)(PICTURES[1]).shape == (1, 3, 20, 44)


def test_a_guess_reads_what_the_network_shows() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    assert Preprocessing.ensure(None, flat)(PICTURES[0]).shape == (1, 1, 28, 28)
    assert Preprocessing.ensure(None, nn.Linear(3072, 10))(PICTURES[0]).shape == (1, 3, 32, 32)
    vit = torchvision().models.VisionTransformer(96, 16, 1, 2, 8, 16)
    assert Preprocessing.ensure(None, torch.compile(vit)).size == (96, 96)
    with pytest.raises(NbvizError, match=r"takes 5 channels.*\(5, H, W\)"):
        Preprocessing.ensure(None, network(5))(PICTURES[0])
    assert Preprocessing.ensure(None, network(5))(torch.zeros(5, 4, 4)).shape == (1, 5, 4, 4)


def test_keys_tell_preprocessings_apart() -> None:
    guess, compose = Preprocessing.ensure(None, network()), v2.Compose(TO_TENSOR)
    assert guess.key == Preprocessing.ensure(None, network()).key != guess.with_size(8, 8).key
    assert Preprocessing.ensure(compose, network()).key != Preprocessing.ensure(compose, network()).key
    assert len({guess.key, guess.with_size(8, 8).key}) == 2


def test_training_transforms_are_called_random() -> None:
    preprocessing = given(v2.RandomResizedCrop(24), v2.RandomHorizontalFlip(), *TO_TENSOR)
    assert preprocessing.random and "random" in preprocessing.sentence
    assert preprocessing.size == (24, 24) and preprocessing.seen_note(preprocessing(PICTURES[0])) == ""
    assert not given(*TO_TENSOR).random


SHIM = """
import sys, warnings, torch
def refuse(path):
    raise OSError("built for another torch")
torch.ops.load_library = refuse
from nbviz.replica.torchvision_import import torchvision
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    first, second = torchvision(), torchvision()
ours = [w for w in caught if "another torch" in str(w.message)]
assert first is second and len(ours) == 1 and ours[0].category is RuntimeWarning, caught
assert first.models.resnet18().eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)
import torchvision.transforms.v2
"""


def test_a_torchvision_for_another_torch_is_survived() -> None:
    done = subprocess.run([sys.executable, "-c", SHIM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_missing_torchvision_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("nbviz.replica.torchvision_import.importlib.import_module", missing)
    with pytest.raises(NbvizError, match="pip install torchvision"):
        torchvision()


def test_a_ready_tensor_is_said_to_be_taken_as_it_is() -> None:
    guess = Preprocessing.ensure(None, network())
    tensor, drawn = (next(iter(load_pictures([one]).values())) for one in (torch.randn(3, 9, 8), noise(9, 8)))
    assert guess.size_for(tensor) is None and guess.size_for(drawn) == (224, 224)
    assert "as it was given" in guess.sentence_for(tensor) and "guess" not in guess.sentence_for(tensor)
    assert guess.sentence_for(drawn) == guess.sentence


def test_black_is_known_only_where_the_values_terms_are() -> None:
    guess, exact = Preprocessing.ensure(None, network()), given(v1.ToTensor(), v1.Normalize(0.5, 0.2))
    plain, normalised = torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 4) * 4 - 2
    assert guess.knows_black(plain) and not guess.knows_black(normalised)
    assert exact.knows_black(plain) and exact.knows_black(normalised)
    assert not Preprocessing.ensure(None, network(5)).knows_black(torch.rand(1, 5, 4, 4))
