"""Draws of random transforms: seeded, leaving the transform and every random stream where they were; and presets."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from random import random as imported_by_name
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import nbviz
from nbviz.edits import PRESETS, TRANSFORMS, Augmentation, Draw
from nbviz.edits.augmentation import augmentations
from nbviz.errors import NbvizError
from tests.edits.test_laws import SIZE, model, picture

named_in_the_module = np.random.default_rng(3)


def noisy(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image).astype(float)
    return np.clip(pixels + named_in_the_module.normal(0, 30, pixels.shape), 0, 255).astype(np.uint8)


def closure() -> Callable[[Image.Image], torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return lambda image: torch.rand(3, image.height, image.width, generator=generator)


class OfItsOwn:
    """Counts its calls and holds a stream, as a class of a reader's own does."""

    def __init__(self) -> None:
        self.stream, self.calls = random.Random(1), 0

    def __call__(self, image: Image.Image) -> Image.Image:
        self.calls += 1
        return image.rotate(360 * self.stream.random())


def torchvisions(kind: str) -> Any:
    pytest.importorskip("torchvision")
    from torchvision import transforms
    from torchvision.transforms import v2

    normal = {"mean": [0.5] * 3, "std": [0.25] * 3}
    return {
        "v2": lambda: v2.Compose([v2.RandomHorizontalFlip(), v2.RandomResizedCrop(20), v2.ColorJitter(0.3, 0.3)]),
        "v2 to tensors": lambda: v2.Compose([
            v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.GaussianNoise(), v2.Normalize(**normal),
        ]),
        "v2 of tensors": lambda: v2.GaussianNoise(),
        "v1": lambda: transforms.Compose([
            transforms.RandomCrop(20), transforms.ToTensor(), transforms.Normalize(**normal),
        ]),
    }[kind]()  # fmt: skip


def albumentations(kind: str) -> Any:
    package = pytest.importorskip("albumentations")
    flip, turn = package.HorizontalFlip(), package.Affine(rotate=(-90, 90), p=1)
    return package.Compose([flip, turn]) if kind == "composed" else turn


RANDOM: dict[str, Callable[[], Any]] = {
    "a function with a stream of its module": lambda: noisy,
    "a closure over a stream": closure,
    "an object of its own": OfItsOwn,
    "python's stream": lambda: lambda image: image.rotate(360 * random.random()),
    "python's stream by name": lambda: lambda image: image.rotate(360 * imported_by_name()),
    "numpy's stream": lambda: lambda image: image.rotate(360 * np.random.rand()),
    "torch's stream": lambda: lambda image: image.rotate(int(torch.randint(10, 350, (1,)))),
    **{f"torchvision {kind}": lambda kind=kind: torchvisions(kind)
       for kind in ("v2", "v2 to tensors", "v2 of tensors", "v1")},
    "albumentations": lambda: albumentations("composed"),
    "one of albumentations": lambda: albumentations("single"),
}  # fmt: skip


def streams() -> bytes:
    numpys = np.random.get_state()
    held = named_in_the_module.bit_generator.state
    return pickle.dumps((random.getstate(), numpys, torch.get_rng_state().numpy().tobytes(), held))


def contents(transform: Any) -> Any:
    attributes = getattr(transform, "__dict__", {})
    return pickle.dumps({name: value for name, value in attributes.items() if not callable(value)})


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_is_a_picture_and_no_stream_is_moved(name: str) -> None:
    transform, plain = RANDOM[name](), model()
    if isinstance(transform, torch.nn.Module):
        before: Any = repr(transform)
    else:
        before = contents(transform)
    here = streams()
    drawn = [plain.edited(Draw(transform, seed)).input(picture()) for seed in (0, 1, 2)]
    again = [model().edited(Draw(transform, seed)).input(picture()) for seed in (2, 1, 0)]
    assert all(torch.equal(one, other) for one, other in zip(drawn, reversed(again), strict=True))
    assert len({one.numpy().tobytes() for one in drawn}) == 3
    assert all(one.shape == (1, 3, SIZE, SIZE) and bool(torch.isfinite(one).all()) for one in drawn)
    assert streams() == here
    assert (repr(transform) if isinstance(transform, torch.nn.Module) else contents(transform)) == before


def test_a_draw_is_the_transform_of_the_picture_as_the_network_sees_it() -> None:
    plain, flipped = model(), np.ascontiguousarray(picture()[:, ::-1])
    for mirror in (lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT), lambda i: np.asarray(i)[:, ::-1]):
        drawn = plain.edited(Draw(mirror)).input(picture())
        torch.testing.assert_close(drawn, plain.input(flipped), atol=1e-6, rtol=0)
    normalised = (torch.from_numpy(flipped).permute(2, 0, 1).float() / 255 - 0.5) / 0.25
    assert torch.equal(plain.edited(Draw(lambda _: normalised)).input(picture()), normalised[None])


@pytest.mark.parametrize(("bad", "words"), [
    (3, "transforms= takes a transform"),
    (lambda image: image.no_such_thing, "AttributeError"),
    (lambda image: None, "gives NoneType"),
    (lambda image: torch.zeros(5, 8, 8), r"shape \(5, 8, 8\)"),
    (lambda image: torch.full((3, 8, 8), float("nan")), "not finite"),
    (lambda image: torch.full((1, 8, 8), 7.0), "takes 3"),
])  # fmt: skip
def test_what_gives_no_picture_is_refused_with_its_name(bad: Any, words: str) -> None:
    with pytest.raises(NbvizError, match=words):
        model().edited(Draw(bad)).input(picture())


def test_what_cannot_be_copied_is_refused() -> None:
    class Unique(OfItsOwn):
        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            raise TypeError("there is one of me")

    with pytest.raises(NbvizError, match="there is one of me"):
        model().edited(Draw(Unique())).input(picture())


def test_transforms_are_named_and_equal_by_what_they_are() -> None:
    one, other = OfItsOwn(), OfItsOwn()
    assert list(augmentations([one, other, noisy])) == ["OfItsOwn", "OfItsOwn 2", "noisy"]
    assert list(augmentations({"turned": one})) == ["turned"] and augmentations(None) == {}
    assert Draw(one, 1) == Draw(Augmentation(one), 1) != Draw(other, 1) and Draw(one, 1) != Draw(one, 2)
    assert hash(Draw(one, 1)) == hash(Draw(one, 1))
    with pytest.raises(NbvizError, match="whole number"):
        Draw(one, -1)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_draw_what_can_be_done_and_by_their_seed(name: str) -> None:
    plain = model()
    stacks = [PRESETS[name].draw(seed, SIZE) for seed in range(12)]
    assert stacks == [PRESETS[name].draw(seed, SIZE) for seed in range(12)] and len(set(stacks)) > 6
    for stack in stacks[:3]:
        assert plain.edited(*stack).input(picture()).shape == (1, 3, SIZE, SIZE)
    assert all(edit.amount != TRANSFORMS[edit.kind].neutral for stack in stacks for edit in stack)


def test_a_drawn_picture_is_explained_as_any_other() -> None:
    transform, plain = OfItsOwn(), model()
    drawn = plain.edited(Draw(transform, 4))
    heat = nbviz.attribute(drawn, picture(), method="saliency").values
    assert torch.equal(heat, nbviz.attribute(plain, copy.deepcopy(drawn.input(picture())), method="saliency").values)


class ByKeyword:
    """Takes its picture by name alone, as albumentations' transforms do, and is none of theirs."""

    def __call__(self, *pictures: object, image: np.ndarray | None = None) -> dict[str, np.ndarray]:
        if pictures or image is None:
            raise KeyError("pass image=")
        return {"image": image[:, ::-1].copy()}


GIVEN: dict[str, tuple[Callable[..., Any], Callable[[np.ndarray], np.ndarray]]] = {
    "floats of grey levels": (lambda image: np.array(image).astype(np.float32), lambda colours: colours),
    "a tensor of them": (lambda image: torch.from_numpy(np.array(image)).permute(2, 0, 1).float(), lambda c: c),
    "half of them": (lambda levels: levels * 0.5, lambda colours: colours / 2),
    "16 bits": (lambda image: np.array(image).astype(np.uint16) * 257, lambda colours: colours),
    "truth values": (lambda image: np.array(image) > 127, lambda colours: (colours > 0.5) * 1.0),
    "of arrays": (lambda array: array[:, ::-1], lambda colours: colours[:, ::-1]),
    "of arrays by their type": (lambda a: (a * 0.5).astype(np.uint8), lambda c: np.floor(c * 127.5) / 255),
    "by keyword": (ByKeyword(), lambda colours: colours[:, ::-1]),
    "in a mapping": (lambda image: {"image": image}, lambda colours: colours),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_picture_is_read_in_the_numbers_and_forms_that_transforms_have(name: str) -> None:
    transform, act = GIVEN[name]
    wanted = (torch.from_numpy(act(picture() / 255).copy()).permute(2, 0, 1)[None].float() - 0.5) / 0.25
    torch.testing.assert_close(model().edited(Draw(transform)).input(picture()), wanted, atol=1e-4, rtol=0)
