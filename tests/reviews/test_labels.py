"""Suspect labels out of sample, the training pictures behind an answer, and clusters as slices: each fault planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import nbviz
from nbviz.errors import NbvizError, Refused
from nbviz.reviews.folds import Held
from nbviz.reviews.statistics.clusters import clusters
from nbviz.reviews.statistics.slices import slice_table, slices_of

COUNT, MOVED = 300, np.arange(0, 300, 50)


def pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Three kinds of point in twelve dimensions, as pictures of twelve channels; 2 % of the labels are wrong."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.arange(COUNT) % 3
    points = torch.randn(COUNT, 12, generator=generator) + 3 * nn.functional.one_hot(truth, 12)
    labels = truth.clone()
    labels[MOVED] = (labels[MOVED] + 1) % 3
    return points[:, :, None, None].expand(-1, -1, 4, 4).contiguous(), labels


class Points(torch.utils.data.Dataset):
    def __init__(self, rows: np.ndarray | None = None) -> None:
        images, labels = pictures()
        rows = np.arange(COUNT) if rows is None else rows
        self.images, self.labels = images[rows], labels[rows]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        return self.images[number], int(self.labels[number])


def trained(rows: np.ndarray, steps: int = 300) -> nn.Module:
    """A wide network fitted to the labels of some items, until it knows the wrong ones by heart."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 200), nn.ReLU(), nn.Linear(200, 3))
    images, labels = pictures()
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(images[rows]), labels[rows]).backward()
        optimiser.step()
    return net.eval()


@pytest.fixture(scope="module")
def review() -> nbviz.Review:
    return nbviz.review(trained(np.arange(COUNT)), Points(), progress=False)


def test_learnt_by_heart_nothing_is_suspect_and_folds_find_two_percent_of_wrong_labels(review: nbviz.Review) -> None:
    in_sample = review.suspect_labels
    assert not in_sample.attrs["out_of_sample"] and len(set(in_sample["item"]) & set(MOVED)) <= 2
    parts = [np.arange(number, COUNT, 4) for number in range(4)]
    folds = [(trained(np.setdiff1d(np.arange(COUNT), part), 40), part) for part in parts]
    found = review.with_folds(folds, progress=False).suspect_labels
    assert found.attrs["out_of_sample"] and set(MOVED) <= set(found["item"]) and len(found) <= 2 * len(MOVED)
    assert len(set(MOVED) & set(found["item"].head(len(MOVED)))) >= len(MOVED) - 1
    again = nbviz.review(review.model, Points(), folds=folds, progress=False)
    assert again.suspect_labels.equals(found)


def test_folds_that_hold_items_out_twice_never_or_elsewhere_are_refused(review: nbviz.Review) -> None:
    net = review.model
    for parts, words in (
        ([range(COUNT), [7]], "Item 7 is held out by 2 folds"),
        ([range(1, COUNT)], "Item 0 is held out by no fold"),
        ([[*range(COUNT), COUNT]], "by number, 0 to 299, not 300"),
    ):
        with pytest.raises(NbvizError, match=words):
            review.with_folds([(net, part) for part in parts], progress=False)  # type: ignore[arg-type]
    assert len(Held(review.items, [3, 4])) == 2  # type: ignore[arg-type]


def test_influence_is_the_product_of_the_last_layer_s_gradients(review: nbviz.Review) -> None:
    item, top = 17, review.influences(17, review, COUNT)
    net, (images, labels) = review.model.net, pictures()  # type: ignore[union-attr]

    def gradient(number: int, label: int) -> torch.Tensor:
        loss = nn.functional.cross_entropy(net(images[number : number + 1]), torch.tensor([label]))
        return torch.autograd.grad(loss, net[4].weight)[0].flatten().double()

    said = int(net(images[item : item + 1]).argmax())
    mine = gradient(item, said)
    for row in top.iloc[[0, 5, -1]].itertuples():
        expected = float(mine @ gradient(row.item, int(labels[row.item])))
        assert row.influence == pytest.approx(expected, rel=1e-3, abs=1e-9)
        assert row.influence == pytest.approx(row.errors * row.likeness)
    assert top["influence"].is_monotonic_decreasing and len(top) == COUNT
    assert top.attrs == {"share": pytest.approx(1), "even": 1}
    few = review.influences(17, review, 4)
    loud = top["influence"][top["influence"] > 0]
    assert few.attrs == {"share": pytest.approx(loud[:4].sum() / loud.sum()), "even": 4 / COUNT}


def test_a_review_is_given_its_training_pictures_once(review: nbviz.Review) -> None:
    with pytest.raises(NbvizError, match="Which pictures was the network trained on"):
        review.influences(17)
    given = nbviz.review(review.model, Points(), training=Points(), progress=False)
    assert given.influences(17).equals(review.influences(17, review)) and given.training.labelled  # type: ignore[union-attr]
    assert given.bound(review.model).training is given.training  # type: ignore[arg-type]
    with pytest.raises(NbvizError, match="training= is a review of another network"):
        review.with_training(nbviz.review(trained(np.arange(9), 3), Points(np.arange(9)), progress=False))


def test_a_wrong_label_in_training_speaks_loudest_for_the_wrong_answer_it_made() -> None:
    images, labels = pictures()
    labels = torch.arange(COUNT) % 3
    twin = images[10] + 0.01
    training = [(image, int(label)) for image, label in zip(images, labels, strict=True)] + [(twin, 0)] * 3
    torch.manual_seed(0)
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 60), nn.ReLU(), nn.Linear(60, 3))
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    every, truth = torch.stack([image for image, _ in training]), torch.tensor([label for _, label in training])
    weight = torch.ones(len(training))
    weight[10] = 0  # the sound twin is not among what it learnt
    for _ in range(150):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(net(every), truth, reduction="none")
        (loss * weight).mean().backward()
        optimiser.step()
    review = nbviz.review(net.eval(), [(images[10], 1)], progress=False)
    assert review.pictures["prediction"][0] != review.pictures["label"][0]
    top = review.influences(0, training, 3)
    assert set(top["item"]) == {COUNT, COUNT + 1, COUNT + 2}


def test_where_there_is_no_influence_it_says_why(review: nbviz.Review) -> None:
    with pytest.raises(NbvizError, match="Item 900 is not among the 300"):
        review.influences(900, review)
    with pytest.raises(NbvizError, match="training= is a review of another network"):
        review.influences(0, nbviz.review(trained(np.arange(9), 3), Points(np.arange(9)), progress=False))
    with pytest.raises(Refused, match="has no labels"):
        review.influences(0, [image for image, _ in zip(pictures()[0][:4], range(4), strict=True)])
    flat = nn.Sequential(nn.Conv2d(12, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    with pytest.raises(Refused, match="has none"):
        (headless := nbviz.review(flat, Points(), progress=False)).influences(0, headless)


def test_a_cluster_of_pictures_that_fails_is_a_slice_and_clean_ones_are_silent(review: nbviz.Review) -> None:
    assert {column for column, _ in review.parts} >= {"features"}
    rng, silent = np.random.default_rng(0), 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        kind = rng.integers(0, 8, 1000)
        features = (rng.normal(size=(1000, 20)) + 6 * np.eye(8, 20)[kind]).astype(np.float32)
        cut = slices_of({"features": clusters(features, kind % 4, list("abcd"))})
        right = rng.random(1000) < 0.9
        silent += slice_table(right, cut)["corrected"].min() > 0.05
        worst = slice_table(np.where(kind == 5, rng.random(1000) < 0.5, right), cut).iloc[0]
        members = cut["features", worst["slice"]]
        assert worst["corrected"] < 0.01 and (kind[members] == 5).mean() > 0.9 and "b" in worst["slice"]
    assert silent >= 17  # 5 % of 20 would be one alarm


def test_clusters_are_the_same_again_and_few_pictures_have_none() -> None:
    features = np.random.default_rng(0).normal(size=(250, 6)).astype(np.float32)
    answers = np.arange(250) % 3
    first, again = (clusters(features, answers, list("abc")) for _ in range(2))
    assert (first == again).all() and set(clusters(features[:150], answers[:150], list("abc"))) == {None}
    assert len(set(clusters(np.zeros((300, 6), np.float32), np.zeros(300, int), ["a"]))) == 1
