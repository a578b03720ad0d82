"""What is made from a photograph: inversions, caricatures, dreams; and a generator as prior."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import nbviz
from nbviz.errors import NbvizError, UnknownName
from nbviz.features import Latent, caricaturing, dreaming, invert, inverting, making
from nbviz.model.instrumented import InstrumentedModel
from tests.features.real_pictures import crops
from tests.features.test_visualize import says, small
from tests.networks import SIZE, build, state_hash


@pytest.fixture(scope="module")
def zoo() -> InstrumentedModel:
    return nbviz.zoo.load("efficientnet_lite0")


@pytest.fixture(scope="module")
def cat() -> object:
    return nbviz.zoo.photographs()["cat"].resize((96, 96), box=(120, 40, 320, 240))


def seen(model: InstrumentedModel, image: object) -> Tensor:
    return torch.from_numpy(model.seen(image).astype(np.float32) / 255).permute(2, 0, 1)[None]


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def test_an_early_layer_still_knows_the_picture(zoo: InstrumentedModel, cat: object) -> None:
    tensor = zoo.input(cat)[..., ::2, ::2].contiguous()
    *_, made = inverting(zoo, tensor, "blocks.1", steps=40)
    assert made.rise[0, -1] > -0.15 > made.rise[0, 0]
    assert correlation(made.pictures, seen(zoo, tensor)) > 0.9


def test_an_invertible_layer_gives_the_picture_back() -> None:
    model = small()
    with torch.no_grad():
        model.net[0].weight.zero_()
        for channel in range(3):
            model.net[0].weight[2 * channel, channel, 1, 1] = 1
    image = crops(1, SIZE)[0].clamp(0.1, 0.9)
    assert (invert(model, image, "0", steps=300)[0] - image).abs().mean() < 0.03


def test_a_caricature_says_more_of_what_the_layer_said(zoo: InstrumentedModel, cat: object) -> None:
    tensor = zoo.input(cat)[..., ::2, ::2].contiguous()
    *_, made = caricaturing(zoo, tensor, "blocks.4", steps=30)
    there = says(zoo, seen(zoo, tensor), "blocks.4")
    along = (says(zoo, made.pictures, "blocks.4") * there).sum()
    assert along > there.square().sum()


def test_a_dream_raises_what_the_layer_says_and_keeps_the_photograph(zoo: InstrumentedModel, cat: object) -> None:
    tensor = zoo.input(cat)[..., ::2, ::2].contiguous()
    pages = list(dreaming(zoo, tensor, "blocks.4", octaves=2, steps=6))
    before, after = seen(zoo, tensor), pages[-1].pictures
    energy = [float(says(zoo, picture, "blocks.4").square().mean()) for picture in (before, after)]
    assert energy[1] > 1.3 * energy[0]
    assert correlation(before, after) > 0.6
    assert {page.pictures.shape for page in pages} == {before.shape}
    assert pages[-1].done == 1 and [page.done for page in pages] == sorted(page.done for page in pages)
    assert pages[-1].rise.shape == (1, 12)


@pytest.mark.parametrize("make", [inverting, caricaturing, dreaming])
def test_the_network_is_untouched_when_the_work_is_dropped(make: object) -> None:
    net = build("inplace")
    model = InstrumentedModel(net)
    image = torch.rand(3, 40, 40)
    model.predict(image)
    before = state_hash(net)
    pages = make(model, image, "3", steps=500)  # type: ignore[operator]
    next(pages)
    pages.close()
    assert state_hash(net) == before


def test_what_is_not_there_is_said_in_words() -> None:
    model, image = small(), torch.rand(3, SIZE, SIZE)
    with pytest.raises(UnknownName, match="Layer '33'"):
        invert(model, image, "33")
    with pytest.raises(TypeError, match="'size' is not an option here"):
        invert(model, image, "3", size=64)
    with pytest.raises(NbvizError, match="octaves= is a whole number of at least 1"):
        dreaming(model, image, "3", octaves=0)
    with pytest.raises(NbvizError, match="one objective, not 2"):
        dreaming(model, image, "3", [0, 1])


def test_a_basis_of_real_photographs_can_be_the_parametrisation() -> None:
    """Principal components as decoder: the picture stays in their span, and drives the channel."""
    model, real = small(), crops(200, SIZE).flatten(1)
    mean = real.mean(0)
    _, _, axes = torch.pca_lowrank(real, q=24, center=True, niter=4)
    spread = ((real - mean) @ axes).std(0)

    def decode(latents: Tensor) -> Tensor:
        return (mean + (latents * spread) @ axes.T).view(-1, 3, SIZE, SIZE)

    prior = Latent(decode, (24,), spread=0.1)
    *_, made = making(model, "3", [1, 4], parametrisation=prior, jitter=0, scale=1, rotate=0, rate=0.1)
    assert (made.rise[:, -1] > made.rise[:, 0]).all() and "kept" not in made.facts
    best = says(model, crops(200, SIZE), "3")[:, [1, 4]].mean((2, 3)).quantile(0.9, dim=0)
    reached = says(model, made.pictures, "3")[:, [1, 4]].mean((2, 3)).diagonal()
    assert (reached > best).any()
    outside = made.pictures.flatten(1) - mean
    inside = (made.pictures > 0) & (made.pictures < 1)
    # where a value is cut off at black or white, it has left the span: the others still tell all 24 coefficients
    for picture, known in zip(outside, inside.flatten(1), strict=True):
        assert known.sum() > 5 * 24
        coefficients = torch.linalg.lstsq(axes[known], picture[known, None]).solution
        assert (picture[known] - (axes[known] @ coefficients)[:, 0]).abs().max() < 0.01
