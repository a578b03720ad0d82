"""A channel of two minds has two facets; one of a single mind has one, whatever the grouping would like."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.dataset import Index
from nbviz.dataset.facets import grouped
from nbviz.errors import NbvizError

SIDE = 12


class Either(nn.Module):
    """Colours, and how textured; then the larger of red and green: a channel for two unlike things."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        both = torch.maximum(x[:, :1], x[:, 1:2])
        return torch.cat([both, x[:, :1], x[:, 1:2], 0.5 * x[:, :1], 0.5 * x[:, 1:2], x[:, 2:]], 1)


def net() -> nn.Sequential:
    return nn.Sequential(Either(), nn.Conv2d(6, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)).eval()


def spots(colours: list[int]) -> list[torch.Tensor]:
    """Pictures with one bright spot each, of these colours."""
    random = np.random.default_rng(0)
    made = []
    for colour in colours:
        image = torch.from_numpy(0.1 + 0.03 * random.normal(size=(3, SIDE, SIDE))).float()
        image[colour, int(random.integers(SIDE)), int(random.integers(SIDE))] = 1 + 0.1 * float(random.random())
        made.append(image)
    return made


def index(colours: list[int], k: int = 20) -> Index:
    return Index.build(net(), spots(colours), layers=["0", "4"], k=k, progress=False)


def test_red_and_green_spots_are_two_facets() -> None:
    colours = [number % 2 for number in range(20)]
    found = index(colours).facets("0", 0)
    assert len(found) == 2 and (found.silhouette or 0) > 0.5 and "2 facets of 20 pictures" in found.words
    assert all(len({colours[e.item] for e in group}) == 1 for group in found)
    best = index(colours).top("0", 0)
    assert found[0][0] == best[0]
    assert all([e.activation for e in g] == sorted((e.activation for e in g), reverse=True) for g in found)
    assert sorted(e.item for group in found for e in group) == list(range(20))


def test_spots_of_one_colour_are_one_facet_and_it_is_said() -> None:
    found = index([0] * 20).facets("0", 0)
    assert len(found) == 1 and found.words.startswith("One facet: no grouping of 20 pictures parts them")
    few = index([0, 1, 0, 1]).facets("0", 0)
    assert len(few) == 1 and few.silhouette is None and "too few" in few.words


def test_noise_is_rarely_parted() -> None:
    random = np.random.default_rng(1)
    alarms = sum(len(set(grouped(random.normal(size=(20, size)), None)[0])) > 1 for size in (3, 8, 30) * 5)
    assert alarms <= 1


def test_as_many_groups_as_are_asked_for() -> None:
    built = index([0, 1, 2] * 5)
    assert len(built.facets("0", 0, n=1)) == 1 and len(built.facets("0", 0, n=3)) == 3
    assert len(built.facets("0", 0, n=15)) == 15
    for n, words in ((0, "at least 1"), (True, "whole number"), (16, "16 groups of 15")):
        with pytest.raises(NbvizError, match=words):
            built.facets("0", 0, n=n)


def test_a_layer_without_places_and_points_that_are_all_alike() -> None:
    assert sum(map(len, index([0, 1] * 4).facets("4", 0))) == 8
    groups, silhouette = grouped(np.ones((8, 3)), None)
    assert groups == [0] * 8 and silhouette is None
    assert len(set(grouped(np.ones((8, 3)), 2)[0])) == 2


def test_without_its_pictures_it_says_what_to_do(tmp_path: Any) -> None:
    Index.build(net(), spots([0, 1]), layers=["0"], path=tmp_path, progress=False)
    with pytest.raises(NbvizError, match="Index.load.path, model, dataset"):
        Index.load(tmp_path).facets("0", 0)


def test_a_trained_channel_for_two_garments_is_parted_by_garment() -> None:
    data = nbviz.zoo.fashion()
    built = Index.build(
        nbviz.zoo.load("fashion_cnn"), [data[i] for i in range(800)], layers=["blocks.5"], k=40, progress=False
    )
    shares = []
    for channel in range(0, 64, 4):
        found = built.facets("blocks.5", channel)
        if len(found) > 1:
            labels = [[e.label for e in group] for group in found]
            shares.append(sum(max(map(own.count, own)) for own in labels) / 40)
            whole = [e.label for e in built.top("blocks.5", channel)]
            assert shares[-1] >= max(map(whole.count, whole)) / 40
    assert len(shares) >= 4
