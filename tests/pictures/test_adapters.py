"""Transforms that take the picture by keyword, or answer with a mapping: stand-ins of the packages' own shapes."""

from __future__ import annotations

from collections import UserDict
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nbviz.errors import NbvizError
from nbviz.pictures.preprocessing import Preprocessing
from tests.networks import build


class ImageProcessor:
    """Hugging Face's: by keyword, a BatchFeature of numpy arrays unless tensors are asked for."""

    model_input_names = ["pixel_values"]

    def __call__(self, images: Any, return_tensors: str | None = None) -> UserDict[str, Any]:
        values = np.asarray(images.resize((8, 6)), np.float32).transpose(2, 0, 1) / 255 - 0.5
        return UserDict(pixel_values=[values] if return_tensors is None else torch.from_numpy(values)[None])


class Multimodal:
    """Hugging Face's processors of several kinds of input hold the image processor."""

    model_input_names = ["input_ids", "pixel_values"]
    image_processor = ImageProcessor()

    def __call__(self, text: Any = None, images: Any = None) -> None:
        raise ValueError("You have to specify text")


class Compose:
    """albumentations': keywords only."""

    __module__ = "albumentations.core.composition"

    def __init__(self, p: float = 1.0) -> None:
        self.transforms = [ModuleType("step")]
        self.transforms[0].p = p  # type: ignore[attr-defined]

    def __call__(self, *args: Any, **data: Any) -> dict[str, Any]:
        if args:
            raise KeyError("You have to pass data to augmentations as named arguments")
        values = torch.from_numpy(np.asarray(data["image"], np.float32)[:6, :8].copy())
        return {"image": values.permute(2, 0, 1) / 255 - 0.5}


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8))
EXPECTED = torch.from_numpy(np.asarray(PICTURE, np.float32)).permute(2, 0, 1)[None] / 255 - 0.5


@pytest.mark.parametrize(
    "transform",
    [
        ImageProcessor(),
        Multimodal(),
        lambda picture: ImageProcessor()(picture, return_tensors="pt"),
        lambda picture: ImageProcessor()(picture),
        Compose(),
        lambda picture: Compose()(image=np.asarray(picture)),
    ],
)
def test_the_picture_is_taken_from_where_the_package_puts_it(transform: Any) -> None:
    preprocessing = Preprocessing.ensure(transform, build("functional"))
    assert torch.allclose(preprocessing(PICTURE), EXPECTED, atol=1e-6)
    seen = preprocessing.seen(preprocessing(PICTURE))
    assert np.array_equal(seen, np.asarray(PICTURE)), "colours are inverted to the pixel"


def test_a_step_by_chance_is_random() -> None:
    for p, word in ((0.5, "random"), (1.0, "")):
        assert Preprocessing.ensure(Compose(p), build("functional")).random == bool(word)


def test_a_mapping_without_a_picture_is_refused() -> None:
    with pytest.raises(NbvizError, match="transform= gave a dict"):
        Preprocessing.ensure(lambda _: {"labels": 3}, build("functional"))(PICTURE)


class Known:
    DEFAULT = None


@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (Compose, r"got the class Compose itself: pass Compose\(…\)"),
        (Known, "pass Known.DEFAULT"),
        ([Compose(), Compose()], r"a list of 2 steps.*torchvision.transforms.Compose\(steps\)"),
        ("imagenet", "got 'imagenet'.*It takes a callable"),
    ],
)
def test_what_is_no_transform_is_refused_with_the_way_to_one(transform: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        Preprocessing.ensure(transform, build("functional"))


def test_channels_that_a_transform_puts_last_are_named() -> None:
    with pytest.raises(NbvizError, match=r"\(6, 8, 3\), whose channels come last.*permute\(2, 0, 1\)"):
        Preprocessing.ensure(lambda picture: torch.rand(6, 8, 3), build("functional"))(PICTURE)
