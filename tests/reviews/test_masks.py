"""Masks follow their pictures through a resizing, are read in any form, and refused where they are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import confusion_matrix
from torch import nn
from torch.nn import functional

import nbviz
from nbviz.errors import NbvizError, Refused
from nbviz.reviews.dense.geometry import measured
from nbviz.reviews.segmentation.masks import class_numbers
from tests.reviews.test_segmentation import CLASSES, COUNT, SIDE, Says, Scenes, made


def pairs_of_pictures(height: int, width: int, count: int = 3) -> list[tuple[Image.Image, Image.Image]]:
    """Pictures whose red is their class, and palette masks; blocks of six pixels, which survive a resizing."""
    draw = np.random.default_rng(5)
    pairs = []
    for _ in range(count):
        classes = draw.integers(0, CLASSES, (height // 6, width // 6)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
        pixels = np.zeros((*classes.shape, 3), np.uint8)
        pixels[..., 0] = np.rint(classes * 25.5)
        mask = Image.fromarray(classes, "P")
        mask.putpalette([channel for number in range(256) for channel in (number, 255 - number, 7)])
        pairs.append((Image.fromarray(pixels), mask))
    return pairs


def resized(size: int, crop: int) -> Callable[[Image.Image], torch.Tensor]:
    """Resize the shorter side, crop the middle, normalise, as torchvision's presets do."""

    def transform(image: Image.Image) -> torch.Tensor:
        short = min(image.size)
        image = image.resize((image.width * size // short, image.height * size // short), Image.Resampling.NEAREST)
        left, top = (image.width - crop) // 2, (image.height - crop) // 2
        return torch.from_numpy(np.array(image.crop((left, top, left + crop, top + crop)))).permute(2, 0, 1) / 255

    return transform


@pytest.mark.parametrize(("size", "crop"), [(24, 24), (48, 32), (24, 12), (36, 36)])
def test_masks_follow_a_resizing_and_a_crop(size: int, crop: int) -> None:
    data = pairs_of_pictures(24, 36)
    model = nbviz.InstrumentedModel(Says(), resized(size, crop))
    review = made(data, model)
    assert review.column("labelled").tolist() == [crop * crop] * 3
    assert review.summary["pixel_accuracy"]["value"] > (1 if size in (24, 48) else 0.97) - 1e-9
    assert any("resized and cropped as their pictures are" in note for note in review.notes)


def test_a_turned_picture_has_no_mask_that_follows() -> None:
    def turned(image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image.rotate(90))).permute(2, 0, 1) / 255

    with pytest.raises(NbvizError, match="does more than resize and crop"):
        made(pairs_of_pictures(24, 24), nbviz.InstrumentedModel(Says(), turned))
    kept = measured(nbviz.InstrumentedModel(Says(), resized(30, 30)).transform, (30, 30))
    assert kept.rows.tolist() == kept.columns.tolist() == list(range(30))


def test_maps_at_a_quarter_of_the_size_are_enlarged_as_hugging_face_does() -> None:
    data = Scenes()
    with torch.no_grad():
        maps = torch.cat([Says(down=4)(image[None]) for image in data.images])
    said = functional.interpolate(maps, (SIDE, SIDE), mode="bilinear", align_corners=False).argmax(1)
    known = data.masks != 255
    expected = confusion_matrix(data.masks[known], said[known])
    assert np.array_equal(made(data, Says(down=4)).counts.matrix, expected)
    small = Scenes(lambda mask: mask[::4, ::4])  # as large as the output: compared as it comes
    assert made(small, Says(down=4)).column("labelled").sum() == COUNT * 4 * 5


class Binary(nn.Module):
    """One map: a logit of the red channel above one half, or its sigmoid."""

    def __init__(self, squash: bool) -> None:
        super().__init__()
        self.conv, self.squash = nn.Conv2d(3, 1, 1), squash
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([9.0, 0, 0]).view(1, 3, 1, 1))
            self.conv.bias.fill_(-4.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return y.sigmoid() if self.squash else y


@pytest.mark.parametrize("squash", [True, False])
def test_one_map_is_two_classes(squash: bool) -> None:
    data = Scenes(lambda mask: (mask % 2 == 1).float())
    review = made(data, Binary(squash))
    truth, said = data.masks.numpy() % 2, (data.images[:, 0] > 0.5).numpy().astype(int)
    assert np.array_equal(review.counts.matrix, confusion_matrix(truth.ravel(), said.ravel()))
    share = (9 * data.images[:, 0] - 4.5).sigmoid()
    np.testing.assert_allclose(review.pictures["confidence"], torch.maximum(share, 1 - share).mean((1, 2)), rtol=1e-5)
    assert ("a probability" if squash else "a logit") in " ".join(review.notes)
    named = made(data, nbviz.InstrumentedModel(Binary(squash), classes=["ground", "road"]))
    assert named.names == ("ground", "road") and np.array_equal(named.counts.matrix, review.counts.matrix)
    with pytest.raises(Refused, match="0 and 255 only, and 255 is ignored"):
        made(Scenes(lambda mask: (mask % 2 == 1).byte() * 255), Binary(squash))


def one_hot(mask: torch.Tensor) -> torch.Tensor:
    return functional.one_hot(mask.clamp(max=4), CLASSES)


@pytest.mark.parametrize(
    "form",
    [
        lambda mask: mask[None], lambda mask: mask.numpy().astype(np.uint8), lambda mask: mask.tolist(),
        lambda mask: Image.fromarray(mask.numpy().astype(np.uint8)),
        lambda mask: Image.fromarray(mask.numpy().astype(np.int32)),
    ],
)  # fmt: skip
def test_masks_in_any_form_of_whole_numbers(form: Callable[[Any], Any]) -> None:
    mask = Scenes(count=1).masks[0]
    assert np.array_equal(class_numbers(form(mask), CLASSES, 0), mask)


def test_one_hot_masks_files_mappings_and_masks_beside_the_data(tmp_path: Path) -> None:
    data, expected = Scenes(), made(Scenes(lambda mask: mask.clamp(max=4))).counts.matrix
    mask = data.masks[0].clamp(max=4)
    for hot in (one_hot(mask), one_hot(mask).permute(2, 0, 1)):
        assert np.array_equal(class_numbers(hot, CLASSES, 0), mask)
    files = []
    for number, mask in enumerate(data.masks.clamp(max=4)):
        files.append(tmp_path / f"{number}.png")
        Image.fromarray(mask.numpy().astype(np.uint8)).save(files[-1])
    images = [data.images[number] for number in range(COUNT)]
    masks = dict(enumerate(data.masks.clamp(max=4)))
    for labels in (files, masks, masks.__getitem__):
        assert np.array_equal(made(images, labels=labels).counts.matrix, expected)
    rows = [{"image": image, "annotation": masks[number]} for number, image in enumerate(images)]
    assert np.array_equal(made(rows).counts.matrix, expected)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (lambda mask: mask + 1, "has the value (256|5), and classes are 0 to 4 .255 is ignored.*ignore="),
        (lambda mask: mask / 255, r"holds fractions .*ToTensor\(\).*divides by 255"),
        (lambda mask: mask[..., None].expand(-1, -1, 3).byte(), "has colours, and a colour is no class: .*np.select"),
        (lambda mask: Image.new("RGB", (SIDE, SIDE)), "has colours"),
        (lambda mask: one_hot(mask) + one_hot(mask).roll(1, 2), "pixels of several classes"),
        (lambda mask: {"mask": mask}, "can't be read: not dict"),
        (lambda mask: mask[:9, :9], "its mask is 9 × 9, and neither as large as its picture.*20 × 20"),
        (lambda mask: mask.flatten(), r"its shape is \(400,\)"),
    ],
)
def test_what_is_no_mask_is_refused_with_what_to_do(form: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        made(Scenes(form))


def test_a_mask_of_another_size_is_left_out_and_the_rest_counts() -> None:
    def odd(mask: torch.Tensor) -> torch.Tensor:
        return mask[:9] if mask is data.masks[4] or torch.equal(mask, data.masks[4]) else mask

    data = Scenes(odd)
    review = made(data)
    assert len(review) == COUNT - 1 and "item 4 (its mask is 9 × 20" in review.problems[0]
