"""Channels over a data set: effects equal edits and closed forms; clarity and its like equal theirs, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import nn

import nbviz
from nbviz.errors import NbvizError, Refused
from nbviz.reviews.channels.changes import balanced, first_classes, memberships
from nbviz.reviews.channels.concepts import chance, concepts
from nbviz.reviews.channels.study import ChannelStudy, Sampling, top_rows

CLASSES, CHANNELS, PICTURES = 3, 5, 60


def network(head: nn.Module | None = None) -> nn.Module:
    torch.manual_seed(0)
    body = nn.Conv2d(CLASSES, CHANNELS, 1, bias=False)
    net = nn.Sequential(body, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head or nn.Linear(CHANNELS, CLASSES))
    with torch.no_grad():
        body.weight.zero_()
        for channel, plane in enumerate((0, 1, 2, 2)):  # the fourth doubles the third, the fifth is dead
            body.weight[channel, plane] = 1.0 + (channel == 3)
    return net.eval()


class Planes(torch.utils.data.Dataset[Any]):
    """Pictures whose plane of their own class is bright."""

    def __init__(self, labelled: bool = True) -> None:
        self.labelled = labelled
        self.images = 0.2 * torch.rand(PICTURES, CLASSES, 6, 6, generator=torch.Generator().manual_seed(1))
        for number in range(PICTURES):
            self.images[number, number % CLASSES] += 0.7

    def __len__(self) -> int:
        return PICTURES

    def __getitem__(self, number: int) -> Any:
        return (self.images[number], number % CLASSES) if self.labelled else self.images[number]


def reviewed(net: nn.Module, labelled: bool = True, **options: Any) -> nbviz.Review:
    return nbviz.review(net, Planes(labelled), progress=False, **options)


def test_effects_are_those_of_switching_off_every_channel() -> None:
    net = network()
    table = reviewed(net).channels("1")
    images, model = Planes().images, nbviz.InstrumentedModel(net)
    before, truth = model(images).double().numpy(), np.arange(PICTURES) % CLASSES
    changes = []
    for channel in range(CHANNELS):
        after = model.edited(nbviz.edits.Channels("1", off=[channel]))(images).double().numpy()
        changes.append(after - before)
    changes = np.stack(changes)
    assert sorted(table["channel"]) == list(range(CHANNELS)) and table.attrs["pictures"] == PICTURES
    for row in table.to_dict("records"):
        own, every = truth == row["index"], changes[row["channel"]][:, row["index"]]
        means = [abs(changes[row["channel"]][truth == k, k].mean()) for k in range(CLASSES)]
        assert np.argmax(means) == row["index"] and row["pictures"] == PICTURES // CLASSES
        assert np.allclose([row["effect"], row["others"]], [every[own].mean(), every[~own].mean()], atol=1e-6)
        rest = np.delete(changes[:, own, row["index"]], row["channel"], 0)
        assert np.isclose(row["control"], rest.mean(), atol=1e-6)
        assert row["low"] <= row["effect"] <= row["high"] and row["right"] == (before.argmax(1) == truth)[own].mean()
        after = (before + changes[row["channel"]]).argmax(1)
        assert row["right_without"] == (after == truth)[own].mean()
    assert np.isclose(table["effect"].iloc[-1], 0.0) and table["channel"].iloc[-1] == 4  # dead
    assert list(table["effect"].abs()) == sorted(table["effect"].abs(), reverse=True)


def test_a_study_that_goes_on_is_that_of_its_first_pictures() -> None:
    review = reviewed(network())
    steps = list(review.studying("1", Sampling(sample=20)))
    studies = [step for step in steps if isinstance(step, ChannelStudy)]
    assert [study.changes.pictures for study in studies] == [6, 12, 20]
    assert steps[-1] is studies[-1] and sum(step == (True, 6, 20) for step in steps) == 1
    whole = studies[-1].changes
    for study in studies:
        count = study.changes.pictures
        assert np.array_equal(study.changes.own, whole.own[:count]) and np.bincount(study.changes.classes).min() >= 2
        (row,) = (row for _, row in study.table().iterrows() if row["channel"] == 3)
        assert row["effect"] == pytest.approx(whole.own[:count][whole.classes[:count] == row["index"], 3].mean())


def test_a_doubled_channel_is_redundant_and_a_dead_one_has_no_figures() -> None:
    table = reviewed(network()).channels("1").set_index("channel")
    assert table.loc[2, "nearest"] == 3 and table.loc[3, "nearest"] == 2
    assert np.allclose(table.loc[[2, 3], "redundancy"], 1.0) and table.loc[0, "redundancy"] < 0.5
    study = table.attrs["study"]
    assert (study.top[2] == study.top[3]).all() and (study.top[2] % CLASSES == 2).all()
    assert table["prefers"].isna().tolist() == (table.index == 4).tolist()
    assert np.isnan(table.loc[4, ["clarity", "polysemanticity", "redundancy"]].astype(float)).all()
    assert (table.loc[[0, 1, 2], "clarity"] > study.chance["clarity"][1]).all()
    peaks = Planes().images.amax((2, 3)).numpy()
    assert np.allclose(study.profiles[1], [peaks[k::CLASSES, 1].mean() for k in range(CLASSES)], atol=1e-6)


def test_channels_that_do_the_same_matter_no_more_than_one_another() -> None:
    net = network()
    with torch.no_grad():
        net[0].weight.fill_(0.3)
        net[4].weight.copy_(net[4].weight[:, :1].expand(-1, CHANNELS))
    table = reviewed(net).channels("1")
    assert np.allclose(table["effect"], table["control"]) and (table["corrected"] > 0.5).all()


def test_without_labels_a_class_is_the_answer_and_without_a_head_clarity_is_absent() -> None:
    net = network(nn.Sequential(nn.Linear(CHANNELS, CLASSES), nn.Tanh()))
    review = reviewed(net, labelled=False)
    table = review.channels("1")
    assert set(table["class"]) <= set(review.pictures["prediction"]) and (table["right"] == 1).all()
    assert table["clarity"].isna().all() and "none" in table.attrs["absent"] and not table.attrs["chance"]
    with pytest.raises(NbvizError, match="3 to 12"):
        nbviz.reviews.Sampling(top=2)
    with pytest.raises(NbvizError, match="nothing here"):
        review.channels("nothing here")
    loose = nbviz.Review(review.plan, review._part)
    with pytest.raises(Refused, match="without its network"):
        loose.channels("1")


def test_one_score_has_two_answers_whose_effects_are_opposite() -> None:
    net = network(nn.Linear(CHANNELS, 1))
    labels = [number % 2 for number in range(PICTURES)]
    study = reviewed(net, labels=labels).channels("1").attrs["study"]
    total = study.changes.total
    assert total.shape == (CHANNELS, 2) and np.allclose(total[:, 0], -total[:, 1])


def test_concepts_are_their_closed_forms() -> None:
    right, up = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    # the mean is zero: eight pictures in four directions
    features = np.stack([right, right, up, up, -right, -right, -up, -up])
    sets = np.array([[0, 1, 0, 1], [0, 1, 2, 3], [0, 1, 4, 5], [-1, -1, -1, -1], [2, 3, 2, 3]])
    found = concepts(features, sets)
    # two and two at a right angle: of six pairs two are alike; two and two opposite: 2 − 4 of 6
    assert np.allclose(found.clarity[[0, 1, 2, 4]], [1, 1 / 3, -1 / 3, 1])
    assert np.allclose(found.polysemanticity[[0, 1, 2, 4]], [0, 1, 2, 0])
    assert np.allclose(found.redundancy[[0, 1, 4]], [2**-0.5] * 3) and found.nearest[4] == 1
    assert np.isnan([found.clarity[3], found.polysemanticity[3], found.redundancy[3]]).all() and found.nearest[3] == -1
    assert (found.nearest[[0, 1, 2, 4]] != 3).all()


def test_the_split_is_the_least_squares_one() -> None:
    rng = np.random.default_rng(0)
    features, sets = rng.normal(size=(40, 6)), np.stack([rng.choice(40, 8, replace=False) for _ in range(5)])
    centred = features - features.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    for rows, figure in zip(sets, concepts(features, sets).polysemanticity, strict=True):
        one, other = KMeans(2, n_init=50, random_state=0).fit(unit[rows]).cluster_centers_
        assert np.isclose(figure, 1 - one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_random_pictures_are_within_their_chance_nine_times_of_ten() -> None:
    rng = np.random.default_rng(3)
    features = np.maximum(rng.normal(size=(300, 12)), 0)
    sets = np.stack([rng.choice(300, 9, replace=False) for _ in range(400)])
    found, levels = concepts(features, sets), chance(features, 400, 9)
    for name in ("clarity", "polysemanticity"):
        low, high = levels[name]
        inside = ((getattr(found, name) >= low) & (getattr(found, name) <= high)).mean()
        assert 0.84 < inside < 0.96
    assert levels["clarity"][0] < 0 < levels["clarity"][1]


def test_a_draw_has_as_many_of_each_class_as_there_can_be() -> None:
    classes = np.repeat([0, 1, 2, -1], [50, 20, 3, 5])
    rows = balanced(classes, 23, 0)
    assert np.bincount(classes[rows]).tolist() == [10, 10, 3] and len(np.unique(rows)) == 23
    # and so has any beginning of it
    assert np.bincount(classes[rows[:9]]).tolist() == [3, 3, 3]
    assert (rows == balanced(classes, 23, 0)).all() and len(balanced(classes, 1000, 0)) == 73


def test_of_many_classes_some_are_drawn_with_enough_pictures_for_an_interval() -> None:
    classes = np.array([*range(100), *np.repeat(np.arange(50), 9)])
    counts = np.bincount(classes[balanced(classes, 40, 1)], minlength=100)
    assert counts.sum() == 40 and set(counts[:50]) == {0, 5} and not counts[50:].any()
    few = np.arange(30)
    assert len(balanced(few, 40, 1)) == 30 and len(balanced(few, 12, 1)) == 12  # all fit; none has enough


def test_pictures_of_several_classes_count_for_each() -> None:
    presence = np.zeros((PICTURES, CLASSES), int)
    presence[::2, 0] = presence[::3, 2] = 1
    review = nbviz.review(
        nbviz.InstrumentedModel(network(), multilabel=True), Planes(False), labels=presence, progress=False
    )
    rows = np.array([0, 1, 6])
    assert memberships(review, rows).tolist() == [[True, False, True], [False] * 3, [True, False, True]]
    assert first_classes(review)[:4].tolist() == [0, -1, 0, 2]
    changes = review.channels("1").attrs["study"].changes
    assert len(changes.classes) == presence.sum() and changes.pictures == presence.any(1).sum()


def test_the_strongest_pictures_come_first_and_equals_by_number() -> None:
    peaks = np.array([[1.0, 5, 2], [3.0, 5, 2], [3.0, 4, 2]])
    assert top_rows(peaks, 3).tolist() == [[1, 2, 0], [0, 1, 2], [-1, -1, -1]]
    assert top_rows(peaks, 4)[0].tolist() == [1, 2, 0, -1]
