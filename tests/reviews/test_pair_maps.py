"""The difference of a pair's maps lies where it must, and is none where both maps are the same or chance's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nbviz
from nbviz.errors import Refused

COUNT, SIDE = 60, 28


class Sides(torch.utils.data.Dataset):
    """Gray noise; all are labelled 0, and the network says 1 of all but the last twelve."""

    classes = ("left", "right", "none")

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        if number >= COUNT:
            raise IndexError(number)
        return torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(number)) + (number >= COUNT - 12), 0


def network(left: torch.Tensor, right: torch.Tensor) -> nbviz.InstrumentedModel:
    """Linear: scores of "left" and "right" are these weights' sums, the third is far below."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 3)).eval()
    with torch.no_grad():
        net[1].weight.copy_(torch.stack([left.flatten(), right.flatten(), torch.zeros(SIDE * SIDE)]))
        net[1].bias.copy_(torch.tensor([-0.8, 0.0, -99.0]))
    return nbviz.InstrumentedModel(net, transform, list(Sides.classes))


def transform(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image.convert("L"))).float()[None] / 255


def halves() -> tuple[torch.Tensor, torch.Tensor]:
    left, right = torch.zeros(2, SIDE, SIDE)
    left[:, : SIDE // 2], right[:, SIDE // 2 :] = 2 / SIDE**2, 2 / SIDE**2
    return left, right


def test_the_difference_lies_where_each_class_is_read() -> None:
    review = nbviz.review(network(*halves()), Sides(), progress=False)
    found = review.pair_maps("left", "right", sample=40)
    assert len(found.items) == 40 and found.beyond_chance and found.reliability > 0.9 and found.p == 0.001
    np.testing.assert_allclose(found.difference[:, 7:].sum(), 1, atol=1e-6)
    np.testing.assert_allclose(found.difference[:, :7].sum(), -1, atol=1e-6)
    assert (found.shown[:, 7:] > 0).all() and (found.shown[:, :7] < 0).all()
    # of these weights a map is the picture itself, as a share: the mean is known
    pixels = np.stack([Sides()[int(number)][0].numpy()[0, :, SIDE // 2 :] for number in found.items])
    cells = pixels.reshape(40, 14, 2, 7, 2).mean((2, 4))
    shares = (cells / cells.sum((1, 2), keepdims=True)).mean(0)
    np.testing.assert_allclose(found.difference[:, 7:], shares, rtol=1e-4)


def test_classes_read_at_the_same_places_differ_in_nothing() -> None:
    weights = torch.full((SIDE, SIDE), 1 / SIDE**2)
    review = nbviz.review(network(weights, weights), Sides(), progress=False)
    found = review.pair_maps(0, 1)
    assert not found.beyond_chance and found.p == 1 and not found.shown.any() and np.isnan(found.reliability)


def test_noise_is_not_beyond_chance_more_often_than_it_should() -> None:
    """Maps of which neither is the other's: the difference is a picture's own, as often one way as the other."""
    from nbviz.reviews import pair_maps as room

    rng, beyond = np.random.default_rng(0), 0
    for _ in range(100):
        differences = rng.normal(size=(20, 196)) * rng.exponential(size=196)
        swapped = room.largest_by_chance(differences, rng)
        beyond += bool((1 + (swapped >= np.abs(differences.mean(0)).max()).sum()) / (1 + len(swapped)) < room.LEVEL)
    assert beyond <= 12  # 5 expected; 12 or fewer with a probability of .998


def test_too_few_pictures_and_one_score_are_refused() -> None:
    review = nbviz.review(network(*halves()), Sides(), progress=False)
    with pytest.raises(Refused, match="needs 10 pictures, and of 'left' taken for 'none' there are 0"):
        review.pair_maps("left", "none")
    one = nbviz.InstrumentedModel(
        nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 1)).eval(), transform, ["yes"], multilabel=True
    )
    with pytest.raises(Refused, match="one score for both classes"):
        nbviz.review(one, [(x, 0) for x, _ in Sides()], progress=False).pair_maps(0, 1)
